/**
 * The WebAssembly target, built from the standard library's source as Debian packs it.
 *
 * For machines that reach a package mirror but not the Rust project's servers. Nothing is installed in the system: the
 * package is fetched with apt's own verification, unpacked in a scratch folder, and built by the compiler that is there.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture, Failure, run, say } from "./run.mjs";

/** Beside the libraries: which compiler they were built by, as `rustc --version` says it. */
export const STAMP = "built-by";
/** Debian suites that may carry the compiler's version, the likelier first. */
const SUITES = ["trixie-backports", "trixie", "sid"];
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Builds `target` and puts its libraries into the compiler's sysroot.
 * @param {string} target
 */
export async function buildTargetFromDebian(target) {
  const version = capture("rustc", ["--version"]);
  const number = /^rustc (\d+\.\d+\.\d+) /.exec(version ?? "")?.[1];
  const sysroot = capture("rustc", ["--print", "sysroot"]);
  if (!version || !number || !sysroot)
    throw new Failure("Only a released Rust compiler can be given a target from source.");
  const scratch = mkdtempSync(join(tmpdir(), "selvedge-target-"));
  try {
    await placeSources(await fetchSources(scratch, number), sysroot);
    const libraries = await buildLibraries(scratch, target);
    const folder = join(sysroot, "lib", "rustlib", target, "lib");
    // Two generations of libraries side by side are an error to the compiler.
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const library of libraries) cpSync(library.path, join(folder, library.name));
    writeFileSync(join(folder, STAMP), version);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Fetches and unpacks `rust-src` of exactly this version; returns its `library` folder.
 * @param {string} scratch
 * @param {string} version
 */
async function fetchSources(scratch, version) {
  for (const suite of SUITES) {
    const apt = privateApt(join(scratch, suite), suite);
    try {
      await run("apt-get", [...apt.options, "--quiet", "update"]);
      await run("apt-get", [...apt.options, "--quiet", "download", `rust-src=${version}*`], { cwd: apt.folder });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      say(`no rust-src ${version} in ${suite}`);
      continue;
    }
    const archive = readdirSync(apt.folder).find((name) => name.endsWith(".deb"));
    if (!archive) continue;
    const unpacked = join(scratch, "unpacked");
    await run("dpkg", ["-x", join(apt.folder, archive), unpacked]);
    return join(unpacked, "usr", "src", `rustc-${version}`, "library");
  }
  throw new Failure(`Debian has no rust-src ${version}. Connect this machine, or use a compiler of another version.`);
}

/**
 * An apt that knows one suite of this machine's own Debian mirror and keeps its state to itself.
 * @param {string} folder
 * @param {string} suite
 */
function privateApt(folder, suite) {
  for (const name of ["state/lists/partial", "cache/archives/partial"])
    mkdirSync(join(folder, name), { recursive: true });
  const sources = join(folder, "sources.list");
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`);
  const settings = {
    "Dir::Etc::SourceList": sources,
    "Dir::Etc::SourceParts": "-",
    "Dir::State": join(folder, "state"),
    "Dir::State::status": "/var/lib/dpkg/status",
    "Dir::Cache": join(folder, "cache"),
    "APT::Sandbox::User": "",
  };
  return { folder, options: Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]) };
}

/** The Debian archive that this machine is set up to use. */
function mirror() {
  const folder = "/etc/apt/sources.list.d";
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(list|sources)$/.test(name)) : [];
  for (const path of ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))]) {
    if (!existsSync(path)) continue;
    const uri = /^(?:URIs:|deb\s)[^#\n]*?(\S+:\/\/\S+\/debian\/?)(?=\s|$)/m.exec(readFileSync(path, "utf8"))?.[1];
    if (uri) return uri;
  }
  throw new Failure("This machine names no Debian archive to take rust-src from.");
}

/**
 * Puts the sources where cargo looks for them.
 * @param {string} library
 * @param {string} sysroot
 */
async function placeSources(library, sysroot) {
  const place = join(sysroot, "lib", "rustlib", "src", "rust", "library");
  rmSync(place, { recursive: true, force: true });
  cpSync(library, place, { recursive: true, dereference: true });
}

/**
 * Compiles the standard library for the target, through an empty crate.
 * @param {string} scratch
 * @param {string} target
 */
async function buildLibraries(scratch, target) {
  const crate = join(scratch, "crate");
  mkdirSync(join(crate, "src"), { recursive: true });
  writeFileSync(join(crate, "src", "lib.rs"), "");
  writeFileSync(join(crate, "Cargo.toml"), '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n');
  await run("cargo", ["build", "--release", "-Zbuild-std=std,panic_abort", "--target", target], {
    cwd: crate,
    env: {
      // The sources are the compiler's own, so its unstable switch does what it does there.
      RUSTC_BOOTSTRAP: "1",
      // Without bitcode inside, link-time optimization fails later.
      RUSTFLAGS: "-Cembed-bitcode=yes",
      CARGO_TARGET_DIR: join(crate, "target"),
    },
  });
  const deps = join(crate, "target", target, "release", "deps");
  return readdirSync(deps)
    .filter((name) => name.endsWith(".rlib") && !name.startsWith("libempty-"))
    .map((name) => ({ name, path: join(deps, name) }));
}
