//! The target for libFuzzer: see `offerctl_fuzz::offer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offerctl_fuzz::offer(bytes));
