// Canvases, read: in their channel's tab or in a dialog.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { explain, fetchPage } from "../core/api.js";
import { useStore } from "../core/store.js";
import { Markdown } from "../text/markdown.js";
import { Dialog } from "./dialog.js";

function useCanvas(id) {
  const version = useStore((state) => state.canvases[id] ?? 0);
  const [canvas, setCanvas] = useState(null);
  useEffect(() => {
    let gone = false;
    fetchPage("canvas", { id }).then((answer) => !gone && setCanvas(answer));
    return () => {
      gone = true;
    };
  }, [id, version]);
  return canvas;
}

/** A canvas's title and text. */
export function Canvas({ id }) {
  const canvas = useCanvas(id);
  if (!canvas) return html`<p class="starting">Loading…</p>`;
  if (!canvas.ok) return html`<p class="starting">${explain(canvas.error)}</p>`;
  // A document that begins with its own heading needs no second title.
  const isTitled = !canvas.title || canvas.title === "Untitled" || /^\s*# /.test(canvas.markdown);
  return html`<article class="canvas">${!isTitled && html`<h1>${canvas.title}</h1>`}<${Markdown} text=${canvas.markdown} /></article>`;
}

export const CanvasDialog = ({ id, close }) => html`<${Dialog} title="Canvas" class="wide" onClose=${close}><${Canvas} id=${id} /><//>`;
