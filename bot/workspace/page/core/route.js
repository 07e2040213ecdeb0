// The page's address: who looks and at what, so that two windows can be two people and links can be shared.
//   /?as=U01ANA#/C01/tab   /?as=U01ANA#/C01/p1700000000.000100   /?as=U01ANA#/app/A01/home
import { local } from "./api.js";
import { get } from "./store.js";

/** Read the address; permalinks as the Web API gives them (/archives/C01/p1700000000000100) work as well. */
export function read() {
  const person = new URLSearchParams(location.search).get("as");
  return { person, ...(permalink(location.href) ?? parse(location.hash)) };
}

function parse(hash) {
  const [, first, second, third] = hash.split("/").map(decodeURIComponent);
  if (!first) return { place: null };
  if (first === "app") return { place: { kind: "app", id: second, tab: third ?? "home" } };
  if (second?.startsWith("p")) return { place: { kind: "channel", id: first }, thread: second.slice(1) };
  return { place: { kind: "channel", id: first, tab: second } };
}

/** Where a link of this workspace leads inside the page, or null for any other link. */
export function permalink(address) {
  if (address.startsWith("slack://")) return redirect(new URL(address).searchParams);
  const path = local(address);
  if (path === null) return null;
  const url = new URL(path, location.origin);
  if (url.pathname === "/app_redirect") return redirect(url.searchParams);
  const document = url.pathname.match(/^\/docs\/[^/]+\/(\w+)/);
  if (document) return { canvas: document[1] };
  const found = url.pathname.match(/^\/archives\/(\w+)(?:\/p(\d{10})(\d{6}))?/);
  if (!found) return null;
  const ts = found[2] && `${found[2]}.${found[3]}`;
  const thread = url.searchParams.get("thread_ts");
  return { place: { kind: "channel", id: found[1] }, thread: thread ?? undefined, at: ts };
}

function redirect(query) {
  const channel = query.get("channel") ?? query.get("id");
  if (!channel) return null;
  return { place: { kind: "channel", id: channel }, at: query.get("message_ts") ?? undefined };
}

/** Write what is shown into the address, without adding to the browser's history twice. */
export function write() {
  const { me, place, thread } = get();
  if (!me || !place) return;
  const rest = place.kind === "app" ? `app/${place.id}/${place.tab}` : [place.id, tail(place, thread)].filter(Boolean).join("/");
  const address = `/?as=${me.id}#/${rest}`;
  const now = location.pathname + location.search + location.hash;
  if (address === now) return;
  const samePlace = location.search === `?as=${me.id}` && location.hash;
  history[samePlace ? "pushState" : "replaceState"](null, "", address);
}

function tail(place, thread) {
  if (thread?.channel === place.id) return `p${thread.ts}`;
  return place.tab && place.tab !== "messages" ? place.tab : null;
}
