/**
 * The baseline's Durable Object: what a person would write by hand for exactly these requests, with nothing around
 * it. No schema, versions, log, receipts or credentials: the floor of what the platform costs.
 */
import { DurableObject } from "cloudflare:workers";

const TABLES = `
  CREATE TABLE IF NOT EXISTS notes(id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS customers(id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS orders(
    id TEXT PRIMARY KEY, status TEXT NOT NULL, total INTEGER NOT NULL, placed TEXT NOT NULL, customer TEXT NOT NULL,
    body TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS orders_placed ON orders(status, placed);
  CREATE TABLE IF NOT EXISTS accounts(id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS readings(
    id TEXT PRIMARY KEY, device TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS readings_at ON readings(device, at);`;

const READ = {
  notes: "SELECT body FROM notes WHERE id = ?",
  orders: "SELECT body FROM orders WHERE id = ?",
  accounts: "SELECT body FROM accounts WHERE id = ?",
  readings: "SELECT body FROM readings WHERE id = ?",
};

const WRITE = {
  notes: { columns: ["id", "body"], values: (doc, body) => [doc.id, body] },
  customers: { columns: ["id", "body"], values: (doc, body) => [doc.id, body] },
  orders: {
    columns: ["id", "status", "total", "placed", "customer", "body"],
    values: (doc, body) => [doc.id, doc.status, doc.total, doc.placed, doc.customer, body],
  },
  accounts: { columns: ["id", "version", "body"], values: (doc, body) => [doc.id, 1, body] },
  readings: { columns: ["id", "device", "at", "body"], values: (doc, body) => [doc.id, doc.device, doc.at, body] },
};

const INSERT = {
  notes: "INSERT INTO notes VALUES (?, ?)",
  readings: "INSERT INTO readings VALUES (?, ?, ?, ?)",
};

/** What one statement may bind. */
const PARAMETERS = 100;

// The limits stand in the text: bound ones would have SQLite prepare the statement anew each time.
const ORDERS = `SELECT o.body, c.body FROM orders o JOIN customers c ON c.id = o.customer
  WHERE o.status = ? AND o.total > ? ORDER BY o.placed DESC, o.id DESC LIMIT 20`;
const READINGS = "SELECT body FROM readings WHERE device = ? ORDER BY at DESC, id DESC LIMIT 20";

export class Shop extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(TABLES);
  }

  async fetch(request) {
    const { pathname } = new URL(request.url);
    const [, , , name, ...id] = pathname.split("/");
    if (request.method === "GET") return this.read(name, id.join("/"));
    if (name === "_import") return this.import(await request.text());
    const body = await request.json();
    if (name === "_query") return this.query(body);
    if (name === "_tx") return this.transfer(body);
    return this.insert(name, body);
  }

  read(name, id) {
    const [row] = this.sql.exec(READ[name], id).raw();
    return row ? json(row[0]) : new Response(null, { status: 404 });
  }

  insert(name, doc) {
    doc.id ??= `acme/${crypto.randomUUID()}`;
    this.sql.exec(INSERT[name], ...WRITE[name].values(doc, JSON.stringify(doc)));
    return Response.json({ id: doc.id }, { status: 201 });
  }

  query({ from, ...wanted }) {
    return Response.json({ rows: from === "orders" ? this.orders(wanted) : this.readings(wanted) });
  }

  orders({ status, above }) {
    const rows = [];
    for (const [order, customer] of this.sql.exec(ORDERS, status, above).raw())
      rows.push({ ...JSON.parse(order), customer: JSON.parse(customer) });
    return rows;
  }

  readings({ device }) {
    const rows = [];
    for (const [body] of this.sql.exec(READINGS, device).raw()) rows.push(JSON.parse(body));
    return rows;
  }

  transfer({ from, to, amount }) {
    return this.ctx.storage.transactionSync(() => {
      const source = this.account(from);
      const target = this.account(to);
      if (!source || !target || source.doc.balance < amount) return new Response(null, { status: 409 });
      source.doc.balance -= amount;
      target.doc.balance += amount;
      return Response.json({ results: [this.update(source), this.update(target)] });
    });
  }

  account(id) {
    const [row] = this.sql.exec("SELECT version, body FROM accounts WHERE id = ?", id).raw();
    return row && { version: row[0], doc: JSON.parse(row[1]) };
  }

  update({ version, doc }) {
    this.sql.exec("UPDATE accounts SET version = ?, body = ? WHERE id = ?", version + 1, JSON.stringify(doc), doc.id);
    return { id: doc.id, version: version + 1 };
  }

  import(text) {
    const lines = text.trimEnd().split("\n");
    const waiting = {};
    for (const line of lines) {
      const [name, doc] = JSON.parse(line);
      waiting[name] ??= [];
      waiting[name].push(doc);
    }
    for (const [name, docs] of Object.entries(waiting)) this.put(name, docs);
    return Response.json({ imported: lines.length });
  }

  put(name, docs) {
    const { columns, values } = WRITE[name];
    const row = `(${columns.map(() => "?").join(", ")})`;
    const step = Math.floor(PARAMETERS / columns.length);
    for (let at = 0; at < docs.length; at += step) {
      const rows = docs.slice(at, at + step).map((doc) => values(doc, JSON.stringify(doc)));
      const places = rows.map(() => row).join(", ");
      this.sql.exec(`INSERT OR REPLACE INTO ${name}(${columns.join(", ")}) VALUES ${places}`, ...rows.flat());
    }
  }
}

const json = (text) => new Response(text, { headers: { "content-type": "application/json" } });
