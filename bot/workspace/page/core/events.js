// What the workspace pushes over the websocket, brought into the store.
import * as conversation from "./conversation.js";
import * as forms from "./forms.js";
import { get, put, set } from "./store.js";
import * as timeline from "./timeline.js";

const isShown = (channel) => {
  const { place, apps, channels } = get();
  if (document.visibilityState === "hidden") return false;
  if (place?.kind === "channel") return place.id === channel && (place.tab ?? "messages") === "messages";
  const app = apps.find((known) => known.id === place?.id);
  return place?.tab === "messages" && channels[channel]?.user === app?.bot_user_id;
};

const RECEIVERS = {
  message({ channel, message }) {
    const isNew = timeline.add(channel, message);
    clearBusy(channel, message.thread_ts ?? message.ts);
    const { me, channels } = get();
    const isReply = message.thread_ts && message.thread_ts !== message.ts && message.subtype !== "thread_broadcast";
    if (!isNew || message.user === me.id || !channels[channel]?.is_member) return;
    if (isShown(channel)) {
      if (isReply) return;
      countUnread(channel, message);
      conversation.markRead(channel);
    } else if (!isReply || mentions(message)) countUnread(channel, message);
  },
  message_changed: ({ channel, message }) => timeline.change(channel, message),
  message_deleted: ({ channel, ts }) => timeline.remove(channel, ts),
  ephemeral: ({ channel, message }) => timeline.addEphemeral(channel, { ...message, is_ephemeral: true }),
  channel_changed: ({ channel }) => mergeChannel(channel),
  channel_joined({ channel }) {
    mergeChannel({ is_member: true, ...channel });
    // What was shown as a mere reader may lack what members see; load it again.
    if (isShown(channel.id)) conversation.load(channel.id);
  },
  channel_left({ channel }) {
    const id = channel?.id ?? channel;
    const known = get().channels[id];
    if (!known) return;
    if (known.is_private) {
      set(({ channels: { [id]: _gone, ...rest } }) => ({ channels: rest }));
      if (get().place?.id === id) conversation.openSomething();
    } else put("channels", id, { ...known, is_member: false, unread_count: 0, mention_count: 0 });
  },
  pins_changed: ({ channel }) => get().messages[channel] && conversation.reloadPins(channel),
  bookmarks_changed: ({ channel }) => get().messages[channel] && conversation.reloadBookmarks(channel),
  view_opened({ view }) {
    set({ views: [view] });
  },
  view_pushed({ view }) {
    if (!get().views.some(({ id }) => id === view.id)) set({ views: [...get().views, view] });
  },
  view_updated({ view }) {
    forms.keepWhatFits(view);
    set({ views: get().views.map((known) => (known.id === view.id ? view : known)) });
  },
  view_closed({ view_id: id }) {
    forms.forget(id);
    set({ views: get().views.filter((view) => view.id !== id) });
  },
  home_updated({ app_id: app, view }) {
    forms.keepWhatFits(view);
    put("homes", app, view);
  },
  connection({ app_id: id, connected }) {
    set({ apps: get().apps.map((app) => (app.id === id ? { ...app, connected } : app)) });
  },
  canvas_changed({ id, channel }) {
    put("canvases", id, (version) => (version ?? 0) + 1);
    const known = get().channels[channel];
    if (known && !known.properties?.canvas) {
      put("channels", channel, { ...known, properties: { ...known.properties, canvas: { file_id: id } } });
    }
  },
  file_shared: ({ channel }) => put("filesShared", channel, (count) => (count ?? 0) + 1),
  status({ channel, thread_ts: thread, user, status }) {
    put("busy", `${channel}:${thread}`, status ? { user, status } : null);
  },
};

/** Bring one event into the store; kinds the page does not know leave it as it is. */
export function receive(event) {
  return RECEIVERS[event.type]?.(event);
}

function mergeChannel(channel) {
  put("channels", channel.id, (known) => ({ ...known, ...channel }));
}

function clearBusy(channel, thread) {
  if (get().busy[`${channel}:${thread}`]) put("busy", `${channel}:${thread}`, null);
}

function countUnread(id, message) {
  put("channels", id, (channel) => ({
    ...channel,
    unread_count: (channel.unread_count ?? 0) + 1,
    mention_count: (channel.mention_count ?? 0) + (channel.is_im || mentions(message) ? 1 : 0),
  }));
}

function mentions(message) {
  const { me, usergroups } = get();
  const said = `${message.text ?? ""} ${JSON.stringify(message.blocks ?? "")}`;
  const groups = Object.values(usergroups).filter((group) => group.users?.includes(me.id));
  return [`<@${me.id}`, "<!channel", "<!here", "<!everyone", ...groups.map((group) => `<!subteam^${group.id}`)].some((mark) =>
    said.includes(mark),
  );
}
