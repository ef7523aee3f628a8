//! The description of the HTTP surface, for people and generators of clients.

/// The OpenAPI 3.1 document of everything that [`super::route`] answers.
#[must_use]
pub fn openapi() -> &'static str {
    include_str!("openapi.json")
}
