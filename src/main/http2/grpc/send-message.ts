// Hot file: one answer is one DATA frame, copied into the connection's output.
import type { MessageBytes } from "../../transport/method.js";
import { ByteSink } from "../byte-sink.js";
import { putUint32 } from "../frame-writer.js";
import { COPIED_BYTES_MAX } from "../output-queue.js";
import type { ServerStream } from "../server-stream.js";
import { MESSAGE_PREFIX_BYTES } from "./message-reader.js";

/**
 * Sends a message of `length` bytes with its prefix: at once when flow control lets all of it go in one frame,
 * else through the stream's queue. Large pieces are not copied.
 */
export function sendMessage(stream: ServerStream, message: MessageBytes, length: number): void {
  const total = MESSAGE_PREFIX_BYTES + length;
  if (stream.canSend(total)) {
    const output = stream.beginData(total);
    output.sink.push(0);
    putUint32(output.sink, length);
    if (message instanceof Uint8Array) output.append(message);
    else for (const piece of message) output.append(piece);
    return;
  }
  queueMessage(stream, message, length);
  stream.schedule();
}

function queueMessage(stream: ServerStream, message: MessageBytes, length: number): void {
  const small = length < COPIED_BYTES_MAX;
  const head = new ByteSink(MESSAGE_PREFIX_BYTES + (small ? length : 0));
  head.push(0);
  putUint32(head, length);
  const pieces = message instanceof Uint8Array ? [message] : message;
  // One piece in the queue instead of several.
  if (small) for (const piece of pieces) head.append(piece);
  stream.push(head.view());
  if (!small) for (const piece of pieces) stream.push(piece);
}
