/** The stable codes of errors: the server's, and those that arise on the way to it. */

/** A code of the server, as `GET /v1/openapi.json` lists them. */
export type ServerCode =
  | "invalid_json"
  | "invalid_utf8"
  | "duplicate_member"
  | "too_deep"
  | "number_out_of_range"
  | "invalid_request"
  | "invalid_name"
  | "invalid_id"
  | "invalid_query"
  | "unknown_operator"
  | "unknown_field"
  | "unknown_relation"
  | "query_too_wide"
  | "invalid_cursor"
  | "invalid_batch_id"
  | "batch_expired"
  | "several_keys"
  | "time_out_of_range"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "unknown_database"
  | "unknown_collection"
  | "unknown_route"
  | "method_not_allowed"
  | "conflict"
  | "exists"
  | "unique_violation"
  | "ref_violation"
  | "check_failed"
  | "batch_reused"
  | "version_mismatch"
  | "too_large"
  | "answer_too_large"
  | "invalid_document"
  | "invalid_schema"
  | "invalid_settings"
  | "schema_violation"
  | "too_many"
  | "too_many_requests"
  | "internal"
  | "unavailable";

/** A code that the client gives: nothing answered, not in time, too much at once, or not in Selvedge's words. */
export type LocalCode = "offline" | "timeout" | "overload" | "closed" | "unexpected_answer";

/** Any code. A newer server may know more. */
export type Code = ServerCode | LocalCode | (string & {});
