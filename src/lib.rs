//! The core of Selvedge.
