// Unsent texts, kept for each person and place, over a change of channel, of person, and a reload.
import { get } from "./store.js";

const KEY = "workspace.drafts";
const drafts = new Map(Object.entries(JSON.parse(sessionStorage.getItem(KEY) ?? "{}")));

const keyOf = (place) => `${get().me?.id}:${place}`;

export const read = (place) => drafts.get(keyOf(place)) ?? "";

export function write(place, text) {
  if (text) drafts.set(keyOf(place), text);
  else drafts.delete(keyOf(place));
  sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(drafts)));
}
