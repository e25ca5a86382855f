//! The `offerctl` command. Everything is in the library.

fn main() -> std::process::ExitCode {
    offerctl::run()
}
