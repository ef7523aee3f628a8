/** A socket between client and server on which things go wrong, at random, from a seed. */
import { WebSocket, WebSocketServer } from "ws";

/** The generator "mulberry32": numbers from 0 to 1. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run, printed so that it can be repeated. */
export function seed(): number {
  const seed = Number(process.env.SELVEDGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SELVEDGE_SEED=${seed}`);
  return seed;
}

/** What may become of a frame. */
type Fate = "lost" | "late" | "unanswered" | "refused" | "carried";

export interface Rough {
  readonly url: string;
  /** How often each happened. */
  readonly happened: Record<Fate, number>;
  /** Nothing goes wrong any more. */
  calm(): void;
  close(): Promise<void>;
}

/**
 * Passes frames on to the server, until it cuts the line: before the frame arrives, before it arrives late (when other
 * lines may be used already), before its answer does; or until it refuses one for now, as the server does.
 */
export async function roughen(server: () => string, seed: number, odds: number): Promise<Rough> {
  const chance = random(seed);
  const happened: Rough["happened"] = { lost: 0, late: 0, unanswered: 0, refused: 0, carried: 0 };
  const faults: readonly Fate[] = ["lost", "late", "unanswered", "refused"];
  let isCalm = false;
  const draw = (): Fate => {
    const fate = !isCalm && chance() < odds ? faults[Math.floor(chance() * faults.length)] : undefined;
    happened[fate ?? "carried"] += 1;
    return fate ?? "carried";
  };
  const hub = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "selvedge.v1" });
  await new Promise((resolve) => hub.on("listening", resolve));
  const lines = new Set<WebSocket>();
  hub.on("connection", (theirs, request) => {
    const protocols = String(request.headers["sec-websocket-protocol"]).split(/, */);
    const ours = new WebSocket(server().replace("http", "ws") + request.url, protocols);
    const opened = new Promise<void>((resolve) => ours.on("open", () => resolve()));
    let isOver = false;
    let isMute = false;
    let unanswered = 0;
    let refuse = () => {};
    const cut = () => {
      isOver = true;
      theirs.terminate();
    };
    ours.on("error", cut);
    ours.on("close", cut);
    ours.on("message", (text) => {
      if (isMute) return cut();
      theirs.send(String(text));
      unanswered -= 1;
      if (unanswered === 0) refuse();
    });
    theirs.on("close", () => {
      if (!isOver) ours.terminate();
    });
    theirs.on("message", (text) => {
      if (isOver) return;
      const frame = String(text);
      const fate = draw();
      if (fate === "refused") {
        isOver = true;
        refuse = () => {
          theirs.send(refusal(frame));
          theirs.close(1013);
        };
        // Answers to the frames before it come first.
        if (unanswered === 0) refuse();
        return;
      }
      isMute ||= fate === "unanswered";
      if (fate === "lost" || fate === "late") cut();
      if (fate === "lost") return;
      unanswered += 1;
      const wait = fate === "late" ? 200 * chance() : 0;
      void opened.then(() => (wait > 0 ? setTimeout(() => ours.send(frame), wait) : ours.send(frame)));
    });
    lines.add(ours);
  });
  const { port } = hub.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    happened,
    calm: () => {
      isCalm = true;
    },
    close: () => {
      for (const line of lines) line.terminate();
      return new Promise((resolve) => hub.close(() => resolve()));
    },
  };
}

function refusal(frame: string): string {
  const { id, requests } = JSON.parse(frame) as { id: number; requests: unknown[] };
  const results = requests.map(() => ({ status: 503, body: { code: "unavailable", detail: "Later." } }));
  return JSON.stringify({ last: true, id, status: 200, body: { results } });
}
