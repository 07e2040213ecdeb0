// The formatting buttons of a composer: they wrap what is selected in mrkdwn.
import { html } from "../vendor/preact-htm.js";

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
  return html`<div class="formatting" role="toolbar" aria-label="Formatting">
    ${BUTTONS.map(([label, face, change]) => html`<button type="button" key=${label} class="icon-button" tabindex="-1" aria-label=${label} title=${label} onClick=${() => apply(change)}><span aria-hidden="true">${face}</span></button>`)}
  </div>`;
}
