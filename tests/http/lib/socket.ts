/** A socket to one key, frame by frame. */
import { WebSocket } from "ws";
import { isMembers, type Members } from "./json.js";

export interface Opened {
  /** Asks, and waits for the answer to that. */
  ask(...requests: Members[]): Promise<Members>;
  close(): void;
}

export interface Opening {
  token?: string;
  headers?: Record<string, string>;
}

/** Opens a socket as a page does; throws the status of a refusal. */
export async function openSocket(url: string, db: string, key: string, { token, headers = {} }: Opening = {}) {
  const bearer = token === undefined ? [] : [`bearer.${Buffer.from(token).toString("base64url")}`];
  const address = `${url.replace("http", "ws")}/v1/${db}/_sync?key=${encodeURIComponent(key)}`;
  const socket = new WebSocket(address, ["selvedge.v1", ...bearer], { headers });
  const waiting = new Map<unknown, (answer: Members) => void>();
  socket.on("message", (text) => {
    const answer = JSON.parse(String(text));
    if (isMembers(answer)) waiting.get(answer.id)?.(answer);
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("unexpected-response", (_, response) => reject(new Error(String(response.statusCode))));
    socket.on("error", reject);
  });
  let last = 0;
  const opened: Opened = {
    ask: (...requests) => {
      last += 1;
      const id = last;
      const answered = new Promise<Members>((resolve) => waiting.set(id, resolve));
      socket.send(JSON.stringify({ id, requests, seen: id - 1 }));
      return answered;
    },
    close: () => socket.close(),
  };
  return opened;
}
