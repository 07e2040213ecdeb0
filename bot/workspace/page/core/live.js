// The websocket that keeps the page live: reconnects by itself and says when it is away.
import { set } from "./store.js";

const FIRST_RETRY = 400; // ms; doubles up to LONGEST_RETRY
const LONGEST_RETRY = 5000;

let socket = null;
let timer = null;
let era = 0; // each connect() starts one; what an older era's socket still says is ignored

/** Connect as `token`; `onOpen` runs on every (re)connection, `onEvent` for every event after it. */
export function connect(token, { onOpen, onEvent }) {
  disconnect();
  const mine = ++era;
  let retry = FIRST_RETRY;
  const dial = () => {
    const address = new URL(`/client/ws?token=${encodeURIComponent(token)}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    let queue = Promise.resolve(); // events wait for onOpen, and for one another
    socket.onopen = () => {
      retry = FIRST_RETRY;
      queue = queue.then(async () => {
        if (mine !== era) return;
        await onOpen();
        if (mine === era) set({ online: true, wasOnline: true });
      });
    };
    socket.onmessage = (frame) => {
      const event = JSON.parse(frame.data);
      queue = queue.then(() => mine === era && onEvent(event)).catch((fault) => console.error(event.type, fault));
    };
    socket.onclose = () => {
      if (mine !== era) return;
      set({ online: false });
      timer = setTimeout(dial, retry);
      retry = Math.min(retry * 2, LONGEST_RETRY);
    };
  };
  dial();
}

export function disconnect() {
  era += 1;
  clearTimeout(timer);
  socket?.close();
  socket = null;
}

/** Dial again at once; for the person who does not want to wait. */
export function dropForRetry() {
  socket?.close();
}
