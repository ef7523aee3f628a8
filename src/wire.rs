//! How the parts talk: requests, answers and the encodings they share.

mod answer;
mod envelope;
mod grant;
mod many;

pub use crate::percent::{percent_decode, percent_encode};
pub(crate) use answer::RETRY_AFTER;
pub use answer::{Answer, header_json};
pub use envelope::{
    Bearer, CatalogCall, CatalogRequest, ELSEWHERE_HEADER, KeyWanted, MORE_HEADER, PartitionCall, PartitionRequest,
    Precondition, Verb, from_json, to_json,
};
pub use grant::{Credential, Grant, Lesson, Progress, Role, SchemaText};
pub use many::{Item, Reply, is_passing, items_to_json, reply};
