// A panel in the browser's top layer that hangs from another element: menus, lists, emoji pickers.
import { html, useEffect, useLayoutEffect, useRef } from "../vendor/preact-htm.js";

const GAP = 4; // px between the anchor and the panel
const EDGE = 8; // px kept free at the window's edges

function place(panel, anchor, align, wide) {
  const from = anchor.getBoundingClientRect();
  if (wide) panel.style.minWidth = `${from.width}px`;
  const { width, height } = panel.getBoundingClientRect();
  const below = window.innerHeight - from.bottom - GAP - EDGE;
  const above = from.top - GAP - EDGE;
  const goesUp = height > below && above > below;
  const top = goesUp ? from.top - GAP - Math.min(height, above) : from.bottom + GAP;
  const left = align === "end" ? from.right - width : from.left;
  panel.style.top = `${Math.max(EDGE, top)}px`;
  panel.style.left = `${Math.max(EDGE, Math.min(left, window.innerWidth - width - EDGE))}px`;
  panel.style.maxHeight = `${Math.max(120, goesUp ? above : below)}px`;
}

/** Show `children` at `anchor` (a ref); a press elsewhere closes it. */
export function Floating({ anchor, onClose, align = "start", wide = false, class: css = "", children, ...rest }) {
  const panel = useRef(null);
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    panel.current.showPopover();
  }, []);
  useLayoutEffect(() => {
    if (anchor.current) place(panel.current, anchor.current, align, wide);
  });
  useEffect(() => {
    const moved = (event) => {
      if (anchor.current && !panel.current?.contains(event.target)) place(panel.current, anchor.current, align, wide);
    };
    const pressed = (event) => {
      if (!panel.current.contains(event.target) && !anchor.current?.contains(event.target)) close.current?.();
    };
    window.addEventListener("resize", moved);
    document.addEventListener("scroll", moved, true);
    document.addEventListener("pointerdown", pressed, true);
    return () => {
      window.removeEventListener("resize", moved);
      document.removeEventListener("scroll", moved, true);
      document.removeEventListener("pointerdown", pressed, true);
    };
  }, []);
  return html`<div ref=${panel} popover="manual" class=${`floating ${css}`} ...${rest}>${children}</div>`;
}
