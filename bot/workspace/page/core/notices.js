// Short sentences to the person: notices that pass.
import { get, set } from "./store.js";

const SHOWN_FOR = 6000; // ms; long enough to read one sentence twice
let last = 0;

/** Show a sentence at the bottom of the page for a while. */
export function notify(text) {
  const notice = { id: (last += 1), text };
  set({ notices: [...get().notices, notice] });
  setTimeout(() => set({ notices: get().notices.filter(({ id }) => id !== notice.id) }), SHOWN_FOR);
}
