//! Counts steps of work, so that tests can compare the cost of inputs of different sizes without a clock. A leaf.
//!
//! A primitive that is called often, such as the comparison of two values, calls [`count`] with the work that it does.
//! Outside of tests this compiles to nothing.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub(crate) fn count(steps: usize) {
    STEPS.with(|all| all.set(all.get() + steps));
}

#[cfg(not(test))]
#[inline(always)]
pub(crate) fn count(_: usize) {}

/// Asserts that work on an input of twice the size takes at most 2.5 times the steps. The work must stay on this thread.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_linear<T>(size: usize, work: impl Fn(usize) -> T) {
    let steps = |size| {
        let before = STEPS.get();
        work(size);
        STEPS.get() - before
    };
    let (one, two) = (steps(size), steps(2 * size));
    assert!(one >= size, "{one} steps for {size}: the work is not counted");
    assert!(2 * two <= 5 * one, "{one} steps for {size}, {two} for {}", 2 * size);
}
