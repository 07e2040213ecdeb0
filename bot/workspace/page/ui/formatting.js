// The formatting buttons of a composer: they wrap what is selected in mrkdwn.
import { html, useState } from "../vendor/preact-htm.js";

const wrap = (mark) => (selected) => mark + selected + mark;
const prefix = (mark) => (selected) => selected.split("\n").map((line, index) => (typeof mark === "function" ? mark(index) : mark) + line).join("\n");

const BUTTONS = [
  ["Bold", html`<b>B</b>`, wrap("*")],
  ["Italic", html`<i>I</i>`, wrap("_")],
  ["Strikethrough", html`<s>S</s>`, wrap("~")],
  ["Ordered list", "1.", prefix((index) => `${index + 1}. `)],
  ["Bulleted list", "•", prefix("• ")],
  ["Quote", "❝", prefix("> ")],
  ["Code", "</>", wrap("`")],
  ["Code block", "{ }", (selected) => `\`\`\`\n${selected}\n\`\`\``],
];

export function Formatting({ field, text, write }) {
  const apply = (change) => {
    const { selectionStart: start, selectionEnd: end } = field.current;
    const changed = change(text.slice(start, end));
    const caret = start === end ? start + Math.floor(changed.length / 2) : start + changed.length;
    write(text.slice(0, start) + changed + text.slice(end), caret);
    field.current.focus();
  };
  const [at, setAt] = useState(0); // the one button in the tab order; the arrows move it
  const press = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (at + step + BUTTONS.length) % BUTTONS.length;
    setAt(next);
    event.currentTarget.children[next].focus();
  };
  return html`<div class="formatting" role="toolbar" aria-label="Formatting" onKeyDown=${press}>
    ${BUTTONS.map(([label, face, change], index) => html`<button type="button" key=${label} class="icon-button" tabindex=${index === at ? "0" : "-1"} aria-label=${label} title=${label} onClick=${() => apply(change)}><span aria-hidden="true">${face}</span></button>`)}
  </div>`;
}
