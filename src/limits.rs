//! Every bound of the system, in one place, each with its unit and its reason.
//!
//! Two kinds stand here: what the platform imposes (a Durable Object's SQLite accepts at most 100 bound
//! parameters, 2 MB a value) and what keeps one caller from starving the others. An input past a bound is
//! refused with a stable code before anything is written.

/// Bytes of one document's JSON text. A value in a Durable Object may hold 2 MB; the system's own members and
/// the log's image of the document must fit beside it.
pub const DOCUMENT_BYTES: usize = 1 << 20;

/// Bytes of one request body (a batch, a query, a schema). Imports are streamed and bounded by the line.
pub const BODY_BYTES: usize = 8 << 20;

/// Levels of nesting in any JSON that comes in.
pub const JSON_DEPTH: usize = 64;

/// UTF-8 bytes of a document id, its key included. Ids are index keys: long ones cost every index.
pub const ID_BYTES: usize = 512;

/// UTF-8 bytes of the name of a database, collection, API key or schema member.
pub const NAME_BYTES: usize = 64;

/// UTF-8 bytes of an `Idempotency-Key` or batch id.
pub const BATCH_ID_BYTES: usize = 128;

/// Bytes of a bearer token: a longer one is hashed by nobody.
pub const TOKEN_BYTES: usize = 256;

/// Bytes of a JWT. Those of identity providers have one to four thousand; every use of one is hashed.
pub const JWT_BYTES: usize = 8 << 10;

/// Bytes of the name of a JWT's key (`kid`), of an issuer, an audience or a subject: they are compared and kept.
pub const CLAIM_BYTES: usize = 512;

/// Values of a JWT's `aud`.
pub const JWT_AUDIENCES: usize = 16;

/// JWTs whose signature an actor remembers to have checked.
pub const JWTS_KEPT: usize = 256;

/// Bytes of a JWT that opens a socket. It is attached to the socket with the rest of the request, and the platform keeps
/// 2,048 bytes there.
pub const SOCKET_JWT_BYTES: usize = 1_400;

/// Bytes that the request which opens a socket has once it is attached to it: the platform's 2,048, less what its own
/// encoding adds.
pub const SOCKET_ATTACHMENT_BYTES: usize = 2_000;

/// Operations, and separately reads, in one batch: they are decided in one synchronous block.
pub const BATCH_OPS: usize = 1_000;

/// Queries among the reads of one batch: each is run again inside the block.
pub const BATCH_QUERIES: usize = 32;

/// Documents that one batch may delete or clear through references, beyond those it names.
pub const CASCADE_DOCUMENTS: usize = 10_000;

/// Requests that travel together: they are answered in one event.
pub const MANY_REQUESTS: usize = 256;

/// Lines of an import that are committed together.
pub const IMPORT_CHUNK_LINES: usize = 1_000;

/// Bytes of an import that are committed together.
pub const IMPORT_CHUNK_BYTES: usize = 2 << 20;

/// Bytes of one line of an import. A document's text may be longer than what is kept of it: escapes and spaces go.
pub const IMPORT_LINE_BYTES: usize = 2 * DOCUMENT_BYTES;

/// Bytes of an import that the router holds back, all keys together, to send lines of one key together.
pub const IMPORT_BUFFER_BYTES: usize = 16 << 20;

/// Failed lines that an import names in its answer; the rest are counted.
pub const IMPORT_ERRORS: usize = 20;

/// Documents read per step of an export.
pub const EXPORT_CHUNK_ROWS: usize = 500;

/// Rows of a query's answer: the most, and when none is asked for.
pub const QUERY_ROWS: usize = 1_000;
/// Rows of a query's answer when it names no limit.
pub const QUERY_ROWS_DEFAULT: usize = 100;

/// Documents that the includes of one query may bring, altogether.
pub const INCLUDED_ROWS: usize = 10_000;

/// Bytes of answers that a socket's caller has not said to have; then the socket is closed.
pub const SOCKET_UNSEEN_BYTES: usize = 32 << 20;

/// Frames of a socket that wait for an answer; then it is closed.
pub const SOCKET_FRAMES: usize = 64;

/// Bytes of one answer. An isolate has 128 MB for all its actors.
pub const ANSWER_BYTES: usize = 16 << 20;

/// Groups of a grouped query: they are ordered in memory.
pub const QUERY_GROUPS: usize = 10_000;

/// Nodes (operators) of all conditions of one query. SQLite in a Durable Object compiles at most 25,000
/// instructions and nests expressions 100 deep.
pub const CONDITION_NODES: usize = 64;

/// Nesting of a condition, `exists` included.
pub const CONDITION_DEPTH: usize = 12;

/// `exists` inside `exists`. Each is a correlated subquery; SQLite in a Durable Object refuses the eighth, and a
/// filter around them has a depth of its own.
pub const EXISTS_DEPTH: usize = 4;

/// Distinct values and unindexed paths of one statement: a Durable Object binds at most 100 parameters.
pub const STATEMENT_PARAMETERS: usize = 96;

/// SQLite's aggregate functions in one statement: as many as columns, 100 in a Durable Object.
pub const AGGREGATE_FUNCTIONS: usize = 100;

/// Bytes of all text and blobs that one statement answers. They are held at once, in an isolate of 128 MB.
pub const STATEMENT_ANSWER_BYTES: usize = 32 << 20;

/// Bytes of one value or list bound to a statement. A Durable Object refuses values past 2.2 MB.
pub const PARAMETER_BYTES: usize = 2_000_000;

/// Bytes of one statement's text: the platform's own limit.
pub const STATEMENT_BYTES: usize = 100_000;

/// Depth of a condition in SQL, by an estimate that errs upwards; the platform's own limit is 100, and counts
/// nested subqueries again for each query around them.
pub const EXPRESSION_DEPTH: usize = 96;

/// Bytes of the related ids that one statement looks for; the rest are looked for by further ones.
pub const AMONG_BYTES: usize = 1 << 20;

/// Values of one `in` list. They travel as one parameter.
pub const IN_VALUES: usize = 1_000;

/// UTF-8 bytes of a `like` pattern after translation to GLOB: the platform's own limit, which bounds backtracking.
pub const LIKE_PATTERN_BYTES: usize = 50;

/// Include nodes of one query, at all levels.
pub const QUERY_INCLUDES: usize = 16;

/// Levels of includes.
pub const INCLUDE_DEPTH: usize = 8;

/// Joins of one query.
pub const QUERY_JOINS: usize = 4;

/// Terms of `orderBy` or `groupBy`, aggregates and selected paths of one query.
pub const QUERY_TERMS: usize = 32;

/// Segments of a path, and UTF-8 bytes of all of them.
pub const PATH_SEGMENTS: usize = 16;
/// UTF-8 bytes of a whole path.
pub const PATH_BYTES: usize = 256;

/// Bytes of a cursor as it travels.
pub const CURSOR_BYTES: usize = 8 << 10;

/// UTF-8 bytes of a string (or JSON text of an array or object) in an index. As with Postgres, a longer value
/// in an indexed field is refused, since an index that truncates cannot tell equals apart.
pub const INDEX_KEY_BYTES: usize = 1_024;

/// Bytes of a schema's JSON text.
pub const SCHEMA_BYTES: usize = 512 << 10;

/// Collections of one database. Each is a table in every partition that uses it.
pub const COLLECTIONS: usize = 256;

/// Fields of a collection or of an object type.
pub const FIELDS: usize = 256;

/// Indexed paths of one collection: each is a column, and a table in a Durable Object has at most 100.
pub const INDEXED_PATHS: usize = 64;

/// Indexes, unique sets, named checks and named relations of one collection.
pub const COLLECTION_RULES: usize = 64;

/// Roles of a schema: those that documents decide are looked up before a request is served.
pub const ROLES: usize = 16;

/// Paths of one compound index or unique set.
pub const INDEX_PATHS: usize = 8;

/// Values of an enum.
pub const ENUM_VALUES: usize = 256;

/// Nodes of a computed field's expression.
pub const EXPRESSION_NODES: usize = 64;

/// Steps of one collection's migration: each is applied to every document.
pub const MIGRATION_STEPS: usize = 256;

/// Offenders that a refused schema change names.
pub const OFFENDERS: usize = 10;

/// Documents checked, migrated, indexed or looked through in one step: a step is one synchronous block and must not hold up
/// the actor's other callers for long.
pub const STEP_DOCUMENTS: usize = 1_000;

/// API keys of one database.
pub const API_KEYS: usize = 256;

/// Names of roles that one API key has.
pub const KEY_ROLES: usize = 16;

/// Microseconds until which an API key may be made to expire: ten years. What is meant to last longer does not expire.
pub const API_KEY_LIFE_US: i64 = 10 * 366 * 24 * 3600 * 1_000_000;

/// Bytes of the settings' JSON text. They travel to every partition with each change.
pub const SETTINGS_BYTES: usize = 64 << 10;

/// Issuers of JWTs of one database.
pub const ISSUERS: usize = 8;

/// Keys of one issuer. More that a JWKS endpoint lists are passed over.
pub const ISSUER_KEYS: usize = 16;

/// Bytes of one number or secret of a JWK, decoded: 8,192 bits.
pub const JWK_BYTES: usize = 1_024;

/// Bytes of the modulus of an RSA key at least: 2,048 bits (RFC 7518 section 3.3).
pub const RSA_BYTES: usize = 256;

/// Bytes of an HS256 secret at least: as many as the digest has (RFC 7518 section 3.2).
pub const SECRET_BYTES: usize = 32;

/// Seconds by which the clock of an issuer may differ: when its settings do not say, and at most.
pub const SKEW_S: i64 = 60;
/// Seconds by which the clock of an issuer may be set to differ at most.
pub const SKEW_MOST_S: i64 = 300;

/// Bytes of what a JWKS endpoint answers.
pub const JWKS_BYTES: usize = 64 << 10;

/// Milliseconds in which a JWKS endpoint must have answered whole.
pub const JWKS_TIMEOUT_MS: u32 = 5_000;

/// Microseconds between two requests to one JWKS endpoint at least, whether the first of them failed or not. A key that
/// was published meanwhile is unknown for so long.
pub const JWKS_RETRY_US: i64 = 30 * 1_000_000;

/// Microseconds between two attempts to renew keys that can be used meanwhile: tokens wait for each.
pub const JWKS_RENEW_US: i64 = 300 * 1_000_000;

/// Microseconds after which fetched keys are fetched again before they are used: a key that its issuer withdrew works for so
/// long at most, while the endpoint answers.
pub const JWKS_FRESH_US: i64 = 3_600 * 1_000_000;

/// Microseconds for which fetched keys are used while their endpoint does not answer: a day.
pub const JWKS_KEPT_US: i64 = 24 * 3_600 * 1_000_000;

/// Origins that a database names for pages of others.
pub const ORIGINS: usize = 32;

/// Bytes of an origin. Host names have at most 253.
pub const ORIGIN_BYTES: usize = 280;

/// Seconds for which a browser may remember the answer to a preflight: what browsers keep at most, and by default.
pub const CORS_AGE_MOST_S: i64 = 86_400;
/// Seconds for which a browser may remember the answer to a preflight, when the settings do not say.
pub const CORS_AGE_S: i64 = 600;

/// Requests or rows a second, and requests at once, that a quota may allow: beyond any actor's reach.
pub const QUOTA_MOST: i64 = 1_000_000;

/// Principals whose use a partition counts. Whoever asked least recently is forgotten, and begins anew.
pub const QUOTA_PRINCIPALS: usize = 1_024;

/// Administrative acts that a database remembers.
pub const AUDIT_ACTS: i64 = 1_000;

/// Administrative acts in one page.
pub const AUDIT_PAGE: usize = 100;

/// Microseconds for which log, earlier versions and receipts are kept: 7 days.
pub const RETENTION_US: i64 = 7 * 24 * 3600 * 1_000_000;

/// Microseconds by which a caller's time (a batch id's) may lie ahead of the home's clock.
pub const CLOCK_SKEW_US: i64 = 5 * 60 * 1_000_000;

/// Log rows dropped in one step of retention.
pub const RETENTION_STEP_ROWS: usize = 2_000;

/// Microseconds until documents whose time has come, but which others refer to, are tried again.
pub const TTL_RETRY_US: i64 = 3_600 * 1_000_000;

/// Documents that one TTL step deletes.
pub const TTL_STEP_DOCUMENTS: usize = 500;

/// Partitions that the catalog tells something at a time.
pub const CATALOG_STEP_KEYS: usize = 200;

/// Partitions that the catalog tells something in one event, altogether. A request to the platform may make 1,000
/// subrequests.
pub const CATALOG_TELLS: usize = 800;

/// Keys in one page of those in use.
pub const CATALOG_PAGE_KEYS: usize = 1_000;

/// Microseconds until the catalog tries again what could not be told to everybody.
pub const CATALOG_RETRY_US: i64 = 500_000;

/// Microseconds until the catalog goes on by itself with what an event began to tell: the event may have been cut off.
pub const CATALOG_WATCH_US: i64 = 10_000_000;
