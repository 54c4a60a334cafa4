import { MESSAGE_PREFIX_BYTES } from "../../src/main/http2/grpc/message-reader.js";

/** Puts the messages of one stream together from the pieces in which they come. */
export class MessageAssembler {
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /**
   * How much must be there before there is anything to do: a prefix, or a prefix and its message.
   */
  #needBytes = MESSAGE_PREFIX_BYTES;

  /**
   * Takes a piece and hands out each message that it completes. Messages are views of the pieces
   * where they can be.
   */
  push(piece: Buffer, onMessage: (message: Buffer) => void): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    while (this.#pieceBytes >= this.#needBytes) {
      const bytes = this.#joined();
      const end = MESSAGE_PREFIX_BYTES + bytes.readUInt32BE(1);
      if (bytes.length < end) {
        this.#needBytes = end;
        return;
      }
      this.#needBytes = MESSAGE_PREFIX_BYTES;
      this.#pieces = end === bytes.length ? [] : [bytes.subarray(end)];
      this.#pieceBytes = bytes.length - end;
      onMessage(bytes.subarray(MESSAGE_PREFIX_BYTES, end));
    }
  }

  #joined(): Buffer {
    const [only] = this.#pieces;
    const joined =
      only !== undefined && this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }
}
