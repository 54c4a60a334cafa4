import type { BidiMethod } from "../transport/method.js";
import type { WatchHub } from "./watch-hub.js";

/** etcdserverpb.Watch/Watch: hands each call to the frontend's hub. */
export function watchMethod(hub: WatchHub): BidiMethod {
  return {
    kind: "bidi",
    path: "/etcdserverpb.Watch/Watch",
    handle: (call) => hub.open(call),
  };
}
