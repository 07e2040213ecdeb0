// The frame of the page's dialogs: the browser's own <dialog>, which keeps the focus in and closes on Escape.
import { html, useLayoutEffect, useRef } from "../vendor/preact-htm.js";

/** A dialog with a title, a close button, and what is inside; focus goes back to where it came from. */
export function Dialog({ title, icon, onClose, class: css = "", children, footer, onSubmit, busy, label }) {
  const frame = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = frame.current;
    dialog.showModal();
    const wanted = dialog.querySelector("[autofocus], .dialog-body :is(input, textarea, [role=combobox]):not([type=hidden])");
    (wanted ?? dialog.querySelector(".dialog-foot .primary, .dialog-foot .danger, .dialog-close"))?.focus();
    return () => {
      dialog.close(); // only then may what lies outside take the focus
      if (before?.isConnected) before.focus();
    };
  }, []);
  const cancel = (event) => {
    if (event.target !== frame.current) return;
    event.preventDefault();
    onClose();
  };
  const submit = (event) => {
    event.preventDefault();
    if (!busy) onSubmit?.();
  };
  const press = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) {
      // The browser closes a dialog by itself on a second Escape; here the state decides.
      event.preventDefault();
      event.stopPropagation();
      onClose();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && onSubmit) submit(event);
  };
  return html`<dialog ref=${frame} class=${`dialog ${css}`} aria-label=${label ?? title} onCancel=${cancel} onKeyDown=${press}>
    <form class="dialog-form" novalidate onSubmit=${submit}>
      <header class="dialog-head">
        ${icon}<h2>${title}</h2>
        <button type="button" class="icon-button dialog-close" aria-label="Close" onClick=${onClose}>✕</button>
      </header>
      <div class="dialog-body">${children}</div>
      ${footer && html`<footer class="dialog-foot">${footer}</footer>`}
    </form>
  </dialog>`;
}
