// Unsent texts, kept for each person and place, over a change of channel, of person, and a reload.
import { get } from "./store.js";

const KEY = "workspace.drafts";
const drafts = new Map(Object.entries(JSON.parse(sessionStorage.getItem(KEY) ?? "{}")));

/** The key of a place's draft for whoever looks now; it stays theirs when another person takes over. */
export const keyOf = (place) => `${get().me?.id}:${place}`;

export const read = (key) => drafts.get(key) ?? "";

export function write(key, text) {
  if (text) drafts.set(key, text);
  else drafts.delete(key);
  sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(drafts)));
}
