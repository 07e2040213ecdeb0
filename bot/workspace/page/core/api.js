// Requests to the workspace: Slack's Web API as the person, and the page's own /client paths.
import { get } from "./store.js";

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

async function request(path, options = {}, token = get().token) {
  const headers = { ...(options.headers ?? {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  for (let attempt = 0; ; attempt += 1) {
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch {
      return { ok: false, error: "unreachable" };
    }
    if (response.status === 429 && attempt < 3) {
      await pause(Number(response.headers.get("Retry-After") ?? 1));
      continue;
    }
    try {
      return await response.json();
    } catch {
      return { ok: false, error: `http_${response.status}` };
    }
  }
}

const json = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json; charset=utf-8" },
  body: JSON.stringify(body),
});

/** Call a Web API method as the current person; answers are never thrown, look at `ok`. */
export const call = (method, args = {}) => request(`/api/${method}`, json(args));

/** POST to one of the page's own paths. */
export const post = (path, body = {}) => request(`/client/${path}`, json(body));

/** GET one of the page's own paths, as `token` when given. */
export const fetchPage = (path, query = {}, token = undefined) => {
  const search = new URLSearchParams(query).toString();
  return request(`/client/${path}${search ? `?${search}` : ""}`, {}, token);
};

/** Upload one File the three-step way Slack's clients do; returns the completed file or an error. */
export async function upload(file, place = {}) {
  const asked = await call("files.getUploadURLExternal", { filename: file.name, length: file.size });
  if (!asked.ok) return asked;
  const sent = await fetch(local(asked.upload_url), { method: "POST", body: file });
  if (!sent.ok) return { ok: false, error: `http_${sent.status}` };
  return call("files.completeUploadExternal", { files: [{ id: asked.file_id, title: file.name }], ...place });
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** Path of an address of this very workspace (localhost and 127.0.0.1 are one), null for any other. */
export function local(address) {
  let url;
  try {
    url = new URL(address, location.origin);
  } catch {
    return null;
  }
  const same = url.origin === location.origin || (LOOPBACK.includes(url.hostname) && url.port === location.port);
  return same && url.protocol.startsWith("http") ? url.pathname + url.search + url.hash : null;
}

/** Address of a file for links and images, which cannot send headers. */
export function withToken(address) {
  const path = address && local(address);
  if (!path) return address;
  const url = new URL(path, location.origin);
  url.searchParams.set("token", get().token ?? "");
  return url.pathname + url.search;
}

const SENTENCES = {
  unreachable: "The workspace does not answer. It may have stopped.",
  operation_timeout: "The app did not answer within 3 seconds.",
  app_not_connected: "The app is not connected.",
  dispatch_failed: "The app answered with an error.",
  expired_trigger_id: "The app took longer than 3 seconds to answer.",
  not_in_channel: "You are not a member of this channel.",
  is_archived: "This channel is archived.",
  name_taken: "A channel of that name exists already.",
  restricted_action: "You are not allowed to do that.",
  msg_too_long: "The message is too long.",
  cant_update_message: "Only its author can edit this message.",
  cant_delete_message: "Only its author can delete this message.",
  ratelimited: "Too many requests; try again in a moment.",
};

/** One sentence a person understands for an error name. */
export const explain = (error) => SENTENCES[error] ?? `That did not work (${error}).`;
