// Block Kit modals: the top of the stack is shown, the others wait with what was typed into them.
import { html, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Blocks } from "../blocks/block.js";
import { plain } from "../blocks/text.js";
import { explain, post } from "../core/api.js";
import * as forms from "../core/forms.js";
import { ofView, Surface } from "../core/surface.js";
import { put, set, get, useStore } from "../core/store.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";

/** The modal that is on top, if any. */
export function ModalStack() {
  const views = useStore((state) => state.views);
  const top = views.at(-1);
  return top ? html`<${Modal} view=${top} key=${top.id} />` : null;
}

function Modal({ view }) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState(null);
  const app = useStore((state) => state.apps.find((known) => known.id === view.app_id));
  const submit = async () => {
    if (!view.submit) return;
    setFault(null);
    const found = forms.complaints(view.id, view.blocks);
    put("faults", view.id, found);
    if (Object.keys(found).length) return focusFirstFault();
    setBusy(true);
    const answer = await post("view_submit", { view_id: view.id, state: { values: forms.valuesOf(view.id, view.blocks) } });
    setBusy(false);
    return answered(view, answer, setFault);
  };
  const close = async (cleared) => {
    await post("view_close", { view_id: view.id, is_cleared: Boolean(cleared) });
    forms.forget(view.id);
    set({ views: cleared ? [] : get().views.filter(({ id }) => id !== view.id) });
  };
  const isStacked = Boolean(view.previous_view_id);
  const footer = html`
    ${fault && html`<div class="modal-fault" role="alert">⚠ ${fault}</div>`}
    <button type="button" class="button" onClick=${() => close(false)}>${view.close ? plain(view.close) : "Cancel"}</button>
    ${view.submit && html`<button type="submit" class=${`button primary ${busy ? "busy" : ""}`} aria-busy=${String(busy)}>${plain(view.submit)}</button>`}`;
  const icon = html`<${Avatar} id=${app?.bot_user_id} name=${app?.name} size=${32} />`;
  return html`<${Dialog} class="modal" title=${plain(view.title)} label=${view.title?.text} icon=${isStacked ? html`<${Back} close=${close} />` : icon}
    onClose=${() => close(isStacked)} onSubmit=${submit} busy=${busy} footer=${footer}>
    <${Surface.Provider} value=${ofView(view)}>
      <${LiveBody} view=${view} />
    <//>
  <//>`;
}

const Back = ({ close }) => html`<button type="button" class="icon-button" aria-label="Back" onClick=${() => close(false)}>‹</button>`;

/** The blocks; when an update replaces what had the focus, the focus stays near instead of getting lost. */
function LiveBody({ view }) {
  const body = useRef(null);
  const last = useRef(null);
  const remember = (event) => {
    last.current = { action: event.target.dataset.action, block: event.target.closest("[data-block]")?.dataset.block };
  };
  useLayoutEffect(() => {
    if (document.activeElement !== document.body || !last.current) return;
    const { action, block } = last.current;
    const same = action && body.current.querySelector(`[data-action="${CSS.escape(action)}"]`);
    const near = block && body.current.querySelector(`[data-block="${CSS.escape(block)}"] :is(button, input, textarea)`);
    (same ?? near)?.focus();
  });
  return html`<div ref=${body} onfocusin=${remember}><${Blocks} blocks=${view.blocks} /></div>`;
}

function answered(view, answer, setFault) {
  if (!answer.ok) {
    setFault(`We had some trouble connecting. ${explain(answer.error)} What you typed is still here.`);
    return;
  }
  if (answer.response_action === "errors") {
    put("faults", view.id, answer.errors);
    focusFirstFault();
  } else if (answer.response_action === "update") {
    forms.keepWhatFits(answer.view);
    set({ views: get().views.map((known) => (known.id === answer.view.id ? answer.view : known)) });
  } else if (answer.response_action === "push") {
    if (!get().views.some(({ id }) => id === answer.view.id)) set({ views: [...get().views, answer.view] });
  } else if (answer.response_action === "clear") {
    set({ views: [] });
  } else {
    forms.forget(view.id);
    set({ views: get().views.filter(({ id }) => id !== view.id) });
  }
}

function focusFirstFault() {
  requestAnimationFrame(() => document.querySelector("dialog.modal .has-fault :is(input, textarea, button)")?.focus());
}
