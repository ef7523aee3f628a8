/** Selvedge for TypeScript: schema, client, errors. */
export type { Code, LocalCode, ServerCode } from "./client/codes.js";
export type { CollectionHandle, Deleted, WriteOptions, Written } from "./client/collection.js";
export { type ConnectOptions, connect } from "./client/connect.js";
export type { Key } from "./client/credential.js";
export type { Database, TransactionOptions } from "./client/database.js";
export { Offline, Overload, type Problem, SelvedgeError, Timeout } from "./client/errors.js";
export type { AskOptions } from "./client/operation.js";
export type { Binding, Fetch, Socket, SocketClass } from "./client/platform.js";
export type { Query } from "./client/query.js";
export type { Cost, GetOptions, Plan, QueryAnswer } from "./client/source.js";
export type { Transaction, TransactionCollection } from "./client/transaction.js";
export type { Answers, Request, Result, Sending, Transport } from "./client/transport.js";
export type { Insert } from "./client/write.js";
export * from "./query/build.js";
export type { Condition } from "./query/condition.js";
export type { Doc } from "./query/scope.js";
export type { PlainTree } from "./query/tree.js";
export type { Words } from "./query/words.js";
export { type Collection, type CollectionOptions, collection } from "./schema/collection.js";
export type { Expression } from "./schema/expression.js";
export type { Field } from "./schema/field.js";
export type { Json, SchemaJson } from "./schema/json.js";
export type { Allow, Role, Rule } from "./schema/rules.js";
export { type Access, type Collections, type Schema, schema } from "./schema/schema.js";
export { t } from "./schema/t.js";

/** The version of this package, the same as that of the server it was released with. */
export const VERSION = "0.1.0";
