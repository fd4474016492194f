//! Puts the hub on shuttle, and in it the bug that the variable `TWIN` names.

fn main() {
    println!("cargo::rerun-if-env-changed=TWIN");
    println!("cargo::rustc-check-cfg=cfg(shuttle)");
    println!("cargo::rustc-check-cfg=cfg(twin, values(any()))");
    println!("cargo::rustc-cfg=shuttle");
    if let Ok(twin) = std::env::var("TWIN") {
        println!("cargo::rustc-cfg=twin={twin:?}");
    }
}
