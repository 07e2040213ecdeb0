// Files: cards in messages, and the channel's list.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { call, explain, withToken } from "../core/api.js";
import { useStore } from "../core/store.js";
import { nameOf, userOf } from "../text/authors.js";
import { exact } from "../text/dates.js";

const UNITS = ["bytes", "kB", "MB", "GB"];

/** A size as people read it. */
export function sizeOf(bytes) {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit ? size.toFixed(1) : size} ${UNITS[unit]}`;
}

/** A file as messages show it: pictures as pictures, texts with their first lines, all with a download. */
export function FileCard({ file: given, id }) {
  const [file, setFile] = useState(given);
  useEffect(() => {
    if (!given && id) call("files.info", { file: id }).then((answer) => setFile(answer.ok ? answer.file : { name: explain(answer.error), gone: true }));
  }, [id, given]);
  if (!file) return html`<div class="file-card">Loading…</div>`;
  if (file.gone) return html`<div class="file-card"><span aria-hidden="true">📄</span><span class="muted">${file.name}</span></div>`;
  const isImage = file.mimetype?.startsWith("image/");
  return html`<div class="file">
    ${isImage && html`<a href=${withToken(file.url_private)} target="_blank" rel="noopener"><img class="file-image" src=${withToken(file.url_private)} alt=${file.alt_txt || file.title || file.name} /></a>`}
    <div class="file-card">
      <span class="file-kind" aria-hidden="true">${(file.pretty_type ?? file.filetype ?? "FILE").slice(0, 8)}</span>
      <span class="file-words"><a href=${withToken(file.url_private)} target="_blank" rel="noopener"><b>${file.title || file.name}</b></a>
        <span class="muted block">${file.pretty_type ?? ""} ${file.size === undefined ? "" : `· ${sizeOf(file.size)}`}</span></span>
      <a class="icon-button" href=${withToken(file.url_private_download)} download=${file.name} aria-label=${`Download ${file.name}`} title="Download">⬇</a>
    </div>
    ${file.preview && html`<pre class="file-preview">${file.preview}${file.preview_is_truncated ? "\n…" : ""}</pre>`}
  </div>`;
}

/** All files that were shared in a channel. */
export function FilesTab({ channel }) {
  const shared = useStore((state) => state.filesShared[channel] ?? 0);
  const [files, setFiles] = useState(null);
  const [fault, setFault] = useState(null);
  useEffect(() => {
    call("files.list", { channel, count: 100 }).then((answer) => (answer.ok ? setFiles(answer.files) : setFault(explain(answer.error))));
  }, [channel, shared]);
  if (fault) return html`<p class="starting" role="alert">${fault}</p>`;
  if (!files) return html`<p class="starting">Loading…</p>`;
  if (!files.length) return html`<p class="starting">No files have been shared here.</p>`;
  return html`<ul class="plain-list tab-scroll" aria-label="Files">
    ${files.map((file) => html`<li key=${file.id} class="file-row"><${FileCard} file=${{ ...file, preview: null }} />
      <span class="muted">Shared by ${nameOf(userOf(file.user))}, ${exact(file.created)}</span></li>`)}
  </ul>`;
}
