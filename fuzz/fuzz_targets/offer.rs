//! The target for libFuzzer: see `offerctl_fuzz::check_offer_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offerctl_fuzz::check_offer_file(bytes));
