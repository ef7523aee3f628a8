//! Rules: what a principal sees and may change is what the rules say, evaluated document by document.
//!
//! `SELVEDGE_SEED` repeats a run, `SELVEDGE_CASES` sets how many cases are tried.

#[path = "rules/changed.rs"]
mod changed;
#[path = "rules/explained.rs"]
mod explained;
#[path = "rules/generator.rs"]
mod generator;
#[path = "rules/guessed.rs"]
mod guessed;
#[path = "executors/random.rs"]
mod random;
#[path = "rules/reads.rs"]
mod reads;
#[path = "rules/reference.rs"]
mod reference;
#[path = "rules/seen.rs"]
mod seen;
#[path = "rules/shop.rs"]
mod shop;
#[path = "actors/tokens.rs"]
mod tokens;
#[path = "rules/unused.rs"]
mod unused;
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

#[test]
fn the_rules_and_settings_of_the_documentation_are_taken() {
    let block = |page: &str, before: &str| {
        let page = std::fs::read_to_string(format!("{}/{page}", env!("CARGO_MANIFEST_DIR"))).expect("the page");
        let block = page.split(before).nth(1).and_then(|rest| rest.split("```").next());
        block.expect("a block").to_owned()
    };
    for (page, before) in [
        ("docs/security.md", "```json schema"),
        (
            "README.md",
            "who asks. They hold in every part of every answer, and of every batch at its commit.\n\n```json\n",
        ),
    ] {
        let mut world = world::World::new();
        world.send(world::ask("PUT", "_schema").text(block(page, before))).expect(200);
    }
    let mut world = world::World::new();
    world.send(world::ask("PUT", "_settings").text(block("docs/security.md", "```json settings"))).expect(200);
}
