/** The OpenAPI document, held against what the server does. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { isMembers, type Json, type Members } from "./json.js";
import { ROOT_KEY } from "./server.js";
import type { Reply, Sent } from "./wire.js";

const METHODS = ["get", "put", "post", "patch", "delete"];
/** Headers that mean something to callers: none of them comes unannounced. */
const MEANINGFUL = /^(allow|etag|location|retry-after|www-authenticate|selvedge-.*)$/;

export interface Operation {
  id: string;
  method: string;
  /** As the document writes it, `{db}` and so on in it. */
  template: string;
  members: Members;
}

/** An OpenAPI 3.1 document that can be asked whether an exchange agrees with it. */
export class Contract {
  readonly operations: Operation[];
  readonly #document: Members;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: Members) {
    this.#document = document;
    // The package is CommonJS, of which TypeScript sees the whole module.
    (formats as unknown as typeof formats.default)(this.#ajv);
    this.#ajv.addSchema(document, "openapi.json");
    this.operations = Object.entries(this.#members("/paths")).flatMap(([template, item]) =>
      METHODS.flatMap((method) => {
        const members = isMembers(item) ? item[method] : undefined;
        return isMembers(members) ? [{ id: String(members.operationId), method, template, members }] : [];
      }),
    );
  }

  /** The operation that a request is one of, if it is one. */
  operation(method: string, path: string): Operation | undefined {
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    const template = this.template(path);
    return this.operations.find((operation) => operation.template === template && operation.method === verb);
  }

  /** The path in the document that an address is one of, the most literal first. */
  template(path: string): string | undefined {
    const bare = decoded(path.split(/[?#]/, 1)[0] ?? "");
    const variables = (template: string) => template.split("{").length;
    const templates = [...new Set(this.operations.map(({ template }) => template))];
    return templates
      .sort((left, right) => variables(left) - variables(right))
      .find((template) => {
        const pattern = template
          .replaceAll(".", "\\.")
          .replaceAll("{id}", ".*")
          .replaceAll("{collection}", "[^_/][^/]*")
          .replaceAll(/\{\w+\}/g, "[^_/][^/]*");
        return new RegExp(`^${pattern}$`, "s").test(bare);
      });
  }

  /** Everything in which an exchange departs from the document. */
  departures(sent: Sent, reply: Reply): string[] {
    const operation = this.operation(sent.method, sent.path);
    const response = operation
      ? `/paths/${escaped(operation.template)}/${operation.method}/responses/${reply.status}`
      : "/components/responses/MethodNotAllowed";
    if (!operation) {
      // What is not described is refused: nothing is there, or not with this method.
      if (reply.status < 400) return [`answers ${reply.status} without being described`];
      if (sent.method === "HEAD") return [];
      return reply.status === 405 ? this.#response(response, sent, reply) : this.#problem(reply);
    }
    if (this.#at(response) === undefined) return [`${operation.id} does not describe ${reply.status}`];
    return this.#response(response, sent, reply);
  }

  /** What is wrong with a value, by the schema at a place of the document. */
  violations(place: string, value: Json): string[] {
    let validator = this.#validators.get(place);
    if (!validator) {
      validator = this.#ajv.compile({ $ref: `openapi.json#${encodeURI(place)}` });
      this.#validators.set(place, validator);
    }
    if (validator(value)) return [];
    return (validator.errors ?? []).map((error) => `${error.instancePath || "the whole"} ${error.message}`);
  }

  /** What stands at a JSON pointer, references followed. */
  #at(pointer: string): Json | undefined {
    let value: Json | undefined = this.#document;
    for (const step of pointer.split("/").slice(1)) {
      if (!isMembers(value)) return undefined;
      value = value[step.replaceAll("~1", "/").replaceAll("~0", "~")];
      if (isMembers(value) && typeof value.$ref === "string") value = this.#at(value.$ref.slice(1));
    }
    return value;
  }

  /** Where a pointer leads, so that the schema under it can be referred to. */
  #resolved(pointer: string): string {
    const value = pointer
      .split("/")
      .slice(1)
      .reduce<Json | undefined>((at, step) => {
        return isMembers(at) ? at[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
      }, this.#document);
    return isMembers(value) && typeof value.$ref === "string" ? value.$ref.slice(1) : pointer;
  }

  #members(pointer: string): Members {
    const value = this.#at(pointer);
    return isMembers(value) ? value : {};
  }

  #response(pointer: string, sent: Sent, reply: Reply): string[] {
    const described = this.#members(pointer);
    const wrong: string[] = [];
    const headers = Object.keys(isMembers(described.headers) ? described.headers : {}).map((name) =>
      name.toLowerCase(),
    );
    for (const name of Object.keys(reply.headers)) {
      if (MEANINGFUL.test(name) && !headers.includes(name)) wrong.push(`sends ${name}, which is not described`);
    }
    for (const name of headers) {
      // Problems of the router and of catalogs carry neither, nor does a partition that holds nothing know a time.
      // To whom rules apply, the cost is not told; they never apply to the root key.
      const isRoot = sent.headers.authorization === `Bearer ${ROOT_KEY}`;
      const maybe = name === "selvedge-token" || (name === "selvedge-cost" && (reply.status >= 400 || !isRoot));
      if (reply.headers[name] === undefined && !maybe) wrong.push(`lacks the header ${name}`);
    }
    const content = isMembers(described.content) ? described.content : undefined;
    if (!content || sent.method === "HEAD") {
      if (reply.text !== "") wrong.push(`has a body: ${reply.text.slice(0, 200)}`);
      return wrong;
    }
    const type = String(reply.headers["content-type"]).split(";", 1)[0] ?? "";
    if (content[type] === undefined) return [...wrong, `has the content type ${type}`];
    if (!type.endsWith("json") || type === "application/x-ndjson") return wrong;
    const schema = `${this.#resolved(pointer)}/content/${escaped(type)}/schema`;
    const value: Json = JSON.parse(reply.text);
    wrong.push(...this.violations(schema, value));
    if (reply.status >= 400) wrong.push(...this.#code(value, reply.status, String(described.description)));
    return wrong;
  }

  #problem(reply: Reply): string[] {
    const type = reply.headers["content-type"];
    if (type !== "application/problem+json") return [`has the content type ${type}`];
    const value: Json = JSON.parse(reply.text);
    return [...this.violations("/components/schemas/Problem", value), ...this.#code(value, reply.status)];
  }

  /** A problem's code, type and status must agree; the description of the response names the codes it comes with. */
  #code(problem: Json, status: number, description?: string): string[] {
    if (!isMembers(problem)) return ["is no problem document"];
    const wrong: string[] = [];
    if (problem.status !== status) wrong.push(`says status ${problem.status}`);
    if (problem.type !== `urn:selvedge:problem:${problem.code}`) wrong.push(`has the type ${problem.type}`);
    if (description && !description.includes(`\`${problem.code}\``)) wrong.push(`does not describe ${problem.code}`);
    return wrong;
  }
}

/** A path as the server reads it; as it stands where an escape is damaged. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const escaped = (step: string) => step.replaceAll("~", "~0").replaceAll("/", "~1");
