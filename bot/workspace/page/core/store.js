// The page's one state tree and the hook that lets components follow parts of it.
import { useLayoutEffect, useReducer, useRef } from "../vendor/preact-htm.js";

const EMPTY = {
  me: null, // the person whose eyes these are (user object)
  token: null,
  team: { name: "" },
  users: {}, // by id
  usergroups: {}, // by id
  apps: [],
  commands: [],
  shortcuts: [],
  channels: {}, // by id, DMs included
  online: false,
  wasOnline: false, // tells "connecting" from "connection lost"
  place: null, // {kind: "channel", id, tab} or {kind: "app", id, tab}
  messages: {}, // channel id -> {list, more, cursor, unreadFrom}
  ephemerals: {}, // channel id -> list
  threads: {}, // "channel:ts" -> list, parent included
  thread: null, // the open side pane: {channel, ts}
  pins: {}, // channel id -> list of messages
  bookmarks: {}, // channel id -> list
  homes: {}, // app id -> view
  views: [], // the modal stack, top last
  forms: {}, // container key -> {block_id: {action_id: state}}
  faults: {}, // container key -> {block_id: sentence}
  confirm: null, // the confirm dialog: {confirm, answer}
  dialog: null, // the page's own dialogs: {kind, ...}
  busy: {}, // "channel:thread ts" -> what an app says it is doing there
  canvases: {}, // canvas id -> how often it changed, so that open ones load anew
  filesShared: {}, // channel id -> how many files came while the page was open
  minute: 0, // counts minutes, for what says how long ago something was
  spotlight: null, // ts of the message that a followed link leads to
  notices: [], // short sentences that pass
};

let state = EMPTY;
const followers = new Set();

export const get = () => state;

export function set(patch) {
  state = { ...state, ...(typeof patch === "function" ? patch(state) : patch) };
  for (const follow of [...followers]) follow();
}

/** Forget everything; called when another person takes over. */
export function clear(keep = {}) {
  state = { ...EMPTY, ...keep };
  for (const follow of [...followers]) follow();
}

/** Set one key inside one of the state's maps, leaving the map's other entries alone. */
export function put(map, key, value) {
  set((s) => ({ [map]: { ...s[map], [key]: typeof value === "function" ? value(s[map][key]) : value } }));
}

/** Re-render the calling component whenever select(state) yields another reference. */
export function useStore(select) {
  const [, refresh] = useReducer((n) => n + 1, 0);
  const latest = useRef(null);
  latest.current = { select, value: select(state) };
  useLayoutEffect(() => {
    const follow = () => {
      if (latest.current.select(state) !== latest.current.value) refresh();
    };
    follow();
    followers.add(follow);
    return () => followers.delete(follow);
  }, []);
  return latest.current.value;
}
