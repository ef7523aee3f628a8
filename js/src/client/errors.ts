/** Failures, as values that a person can act on. */
import type { Code } from "./codes.js";

/** A problem document (RFC 9457) as the server answers it. */
export interface Problem {
  readonly code: string;
  readonly status: number;
  readonly title?: string;
  readonly detail: string;
  readonly [member: string]: unknown;
}

/** Whatever went wrong with an operation. Match on `code`; texts may change. */
export class SelvedgeError extends Error {
  override readonly name: string = "SelvedgeError";
  /** The stable code. */
  readonly code: Code;
  /** The HTTP status; 0 where nothing answered. */
  readonly status: number;
  /** What happened and what to do. */
  readonly detail: string;
  /** The whole problem document, with whatever the code brings along. */
  readonly problem: Problem;
  /**
   * Whether a write may have happened all the same: it was sent, and no answer came. Sending the same batch again,
   * with the same id, is always safe.
   */
  readonly uncertain: boolean;

  constructor(problem: Problem, options: { cause?: unknown; uncertain?: boolean } = {}) {
    super(`${problem.code}: ${problem.detail}`, options.cause === undefined ? {} : { cause: options.cause });
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail;
    this.problem = problem;
    this.uncertain = options.uncertain ?? false;
  }

  /** The document that it concerns, as `<collection>/<id>`. */
  get document(): string | undefined {
    return text(this.problem.document);
  }

  /** The place in the document, or in a schema as a JSON pointer. */
  get path(): string | undefined {
    return text(this.problem.path);
  }

  /** The collection whose rule refused, where one did (`forbidden`). */
  get collection(): string | undefined {
    return text(this.problem.collection);
  }

  /** The rule that refused. */
  get rule(): "read" | "insert" | "update" | "delete" | undefined {
    return text(this.problem.rule) as "read" | "insert" | "update" | "delete" | undefined;
  }

  /** The field that may not be read or set, where that is why it was refused. */
  get field(): string | undefined {
    return text(this.problem.field);
  }

  /** The index of the operation in its transaction. */
  get operation(): number | undefined {
    return whole(this.problem.operation);
  }

  /** The index of the read in its transaction. */
  get read(): number | undefined {
    return whole(this.problem.read);
  }
}

/** The server could not be reached. */
export class Offline extends SelvedgeError {
  override readonly name = "Offline";
}

/** No answer in the time that was given. */
export class Timeout extends SelvedgeError {
  override readonly name = "Timeout";
}

/** Too much at once, here or there: ask again later, or less. */
export class Overload extends SelvedgeError {
  override readonly name = "Overload";
}

const OVERLOADED: ReadonlySet<string> = new Set(["unavailable", "too_many", "too_many_requests", "overload"]);

/** The error that a problem stands for. */
export function failure(problem: Problem, options: { cause?: unknown; uncertain?: boolean } = {}): SelvedgeError {
  if (problem.code === "offline") return new Offline(problem, options);
  if (problem.code === "timeout") return new Timeout(problem, options);
  return OVERLOADED.has(problem.code) ? new Overload(problem, options) : new SelvedgeError(problem, options);
}

/** A problem that the client itself sees. */
export const local = (code: Code, detail: string, status = 0): Problem => ({ code, status, detail });

/** What an answer says went wrong, also where something other than Selvedge answered. */
export function problemOf(status: number, body: unknown): Problem {
  if (typeof body === "object" && body !== null && "code" in body && typeof body.code === "string") {
    const detail = "detail" in body && typeof body.detail === "string" ? body.detail : "";
    return { ...body, code: body.code, status, detail };
  }
  const code = status === 429 || status === 502 || status === 503 || status === 504 ? "overload" : "unexpected_answer";
  return local(code, `Something that is not Selvedge answered with status ${status}.`, status);
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);
const whole = (value: unknown) => (typeof value === "number" ? value : undefined);
