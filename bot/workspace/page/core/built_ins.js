// Slack's own slash commands, those that an incident needs; apps' commands win over them.
import { nameOf } from "../text/authors.js";
import { call, explain } from "./api.js";
import * as conversation from "./conversation.js";
import { get } from "./store.js";

const failed = (answer) => (answer.ok ? null : explain(answer.error));

function people(text) {
  const { users } = get();
  const all = Object.values(users).sort((a, b) => nameOf(b).length - nameOf(a).length);
  const lower = text.toLowerCase();
  return all.filter((user) => [user.name, nameOf(user)].some((name) => lower.includes(`@${name.toLowerCase()}`)));
}

const channelNamed = (text) => {
  const name = text.replace(/^#/, "");
  return Object.values(get().channels).find((channel) => channel.name === name);
};

/** By name: {description, usage_hint, run(channel, text)}; `run` returns a sentence when there is something to say. */
export const builtIns = {
  "/topic": {
    description: "Set the channel topic",
    usage_hint: "[new topic]",
    run: async (channel, topic) => failed(await call("conversations.setTopic", { channel, topic })),
  },
  "/invite": {
    description: "Invite people to this channel",
    usage_hint: "@somebody",
    async run(channel, text) {
      const users = people(text);
      if (!users.length) return "Name the people to invite, such as `/invite @ana`.";
      return failed(await call("conversations.invite", { channel, users: users.map(({ id }) => id).join(",") }));
    },
  },
  "/join": {
    description: "Open a channel and become a member",
    usage_hint: "#channel",
    async run(_channel, text) {
      const target = channelNamed(text);
      if (!target) return `There is no channel \`${text || "#"}\` that you can see.`;
      const fault = failed(await call("conversations.join", { channel: target.id }));
      if (!fault) await conversation.open(target.id);
      return fault;
    },
  },
  "/leave": {
    description: "Leave this channel",
    usage_hint: "",
    run: async (channel) => failed(await call("conversations.leave", { channel })),
  },
  "/dm": {
    description: "Open a direct message",
    usage_hint: "@somebody",
    async run(_channel, text) {
      const [user] = people(text);
      if (!user) return "Name whom to write to, such as `/dm @ana`.";
      await conversation.openDirect(user.id);
      return null;
    },
  },
};
