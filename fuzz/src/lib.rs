//! The fuzz target: see `offerctl::check_offer_file`.

pub use offerctl::check_offer_file;
