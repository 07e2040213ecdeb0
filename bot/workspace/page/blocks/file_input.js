// file_input: uploads at once, keeps the files as the view's state.
import { html, useState } from "../vendor/preact-htm.js";
import { explain, upload } from "../core/api.js";
import { describing, naming, useValue } from "./value.js";

export function FileInput({ block, element, field }) {
  const [files, change] = useValue(block, element);
  const [state, setState] = useState({ busy: false, fault: null });
  const max = element.max_files ?? 10;
  const take = async (event) => {
    setState({ busy: true, fault: null });
    const answers = await Promise.all([...event.target.files].slice(0, max - files.length).map((file) => upload(file)));
    const failed = answers.find((answer) => !answer.ok);
    await change([...files, ...answers.filter((answer) => answer.ok).flatMap((answer) => answer.files)]);
    setState({ busy: false, fault: failed ? explain(failed.error) : null });
  };
  return html`<div class="file-input" role="group" ...${naming(element, field)} ...${describing(field)}>
    ${files.map((file) => html`<div class="file-line" key=${file.id}>📄 ${file.title ?? file.name}
      <button type="button" class="icon-button" aria-label=${`Remove ${file.name}`} onClick=${() => change(files.filter(({ id }) => id !== file.id))}>×</button>
    </div>`)}
    ${files.length < max && html`<label class="button small">
      ${state.busy ? "Uploading…" : "Add a file"}
      <input type="file" class="sr" id=${field.id} multiple=${max > 1} disabled=${state.busy} onChange=${take}
        accept=${element.filetypes?.map((type) => `.${type}`).join(",")} />
    </label>`}
    ${state.fault && html`<div class="input-fault" role="alert">${state.fault}</div>`}
  </div>`;
}
