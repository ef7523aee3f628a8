//! Queries as callers write them, answered in memory: what each operator, include, join, group and cursor means.

#[path = "query_memory/answers.rs"]
mod answers;
#[path = "query_memory/generated.rs"]
mod generated;
#[path = "query_memory/pages.rs"]
mod pages;
#[path = "query_memory/refused.rs"]
mod refused;
#[path = "query_memory/shop.rs"]
mod shop;
