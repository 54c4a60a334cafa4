import type { IncomingMessage, ServerResponse } from "node:http";

/** One HTTP request as a page sees it. */
export interface PageRequest {
  readonly method: string;
  /** Path without the query, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly raw: IncomingMessage;
}

/** A page: answers the request, now or when its promise settles. */
export type Page = (request: PageRequest, response: ServerResponse) => void | Promise<void>;

/** Answers with a body and its content type. */
export function sendBody(
  response: ServerResponse,
  status: number,
  reply: { readonly contentType: string; readonly body: string | Buffer },
): void {
  response.writeHead(status, {
    "Content-Type": reply.contentType,
    "Content-Length": Buffer.byteLength(reply.body),
  });
  response.end(reply.body);
}

/** Answers with plain text and a header that keeps browsers from guessing a type: failures and checks. */
export function sendText(response: ServerResponse, status: number, body: string): void {
  response.setHeader("X-Content-Type-Options", "nosniff");
  sendBody(response, status, { contentType: "text/plain; charset=utf-8", body });
}

/** Whether the request is a GET; anything else, HEAD included, is answered here. docs/facts/http.md section 2. */
export function requireGet(request: PageRequest, response: ServerResponse): boolean {
  if (request.method === "GET") return true;
  response.setHeader("Allow", "GET");
  sendText(response, 405, "Method Not Allowed\n");
  return false;
}
