/** A server of keys as an issuer runs one, which misbehaves as it is told. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Members } from "./json.js";

export class Jwks {
  /** How often it was asked. */
  asked = 0;
  /** What it answers. */
  answer: (response: ServerResponse) => void = () => {};
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Jwks> {
    const server = createServer();
    const jwks = new Jwks(server);
    server.on("request", (_, response) => {
      jwks.asked += 1;
      jwks.answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return jwks;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`;
  }

  /** From now on it lists these keys. */
  lists(...keys: Members[]): void {
    this.says(JSON.stringify({ keys }));
  }

  /** From now on it answers this text. */
  says(text: string, status = 200, headers: Record<string, string> = {}): void {
    this.answer = (response) => response.writeHead(status, headers).end(text);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
