//! Rules: what a principal sees and may change is what the rules say, evaluated document by document.
//!
//! `SELVEDGE_SEED` repeats a run, `SELVEDGE_CASES` sets how many cases are tried.

#[path = "rules/generator.rs"]
mod generator;
#[path = "rules/named.rs"]
mod named;
#[path = "executors/random.rs"]
mod random;
#[path = "rules/reads.rs"]
mod reads;
#[path = "rules/reference.rs"]
mod reference;
#[path = "actors/tokens.rs"]
mod tokens;
#[path = "actors/world.rs"]
mod world;
#[path = "rules/writes.rs"]
mod writes;

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The seed and the number of cases of a run, which are printed.
fn run() -> (u64, u64) {
    let (seed, cases) =
        (setting("SELVEDGE_SEED").unwrap_or_else(random::fresh_seed), setting("SELVEDGE_CASES").unwrap_or(20_000));
    println!("SELVEDGE_SEED={seed} SELVEDGE_CASES={cases}");
    (seed, cases)
}
