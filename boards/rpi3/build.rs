//! Tells the linker where `linker.ld` is (the top of the workspace), and cargo to link again when
//! it changes.

fn main() {
    let board = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rustc-link-search={board}/../..");
    println!("cargo:rerun-if-changed={board}/../../linker.ld");
    println!("cargo:rerun-if-changed=build.rs");
}
