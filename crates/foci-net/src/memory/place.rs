//! Placing buffers in the arena so that buffers needed at the same time lie apart.
//!
//! The smallest arena is hard to find (it is bin packing in space and time), but simple rules come close: take the
//! buffers in some order and put each at the lowest address where it meets no buffer placed before that is alive at
//! the same time ("greedy by size", Pisarchyk & Lee 2020, *Efficient memory management for deep neural net inference*,
//! section 5.2, with first fit). Three orders are tried: by size, by lifetime, by first use, each descending or in
//! order of time. Each is then improved: the buffer that reaches highest is placed before all others, and again. It
//! ends when no arena could be smaller, or after some rounds; the smallest arena wins, and of equals the first.
//! Nothing depends on anything but the intervals, so a net has one plan.

use std::cmp::Reverse;

use super::Buffer;

/// Rounds in which an order is improved.
const MOST_ROUNDS: usize = 200;
/// Pairs of buffers looked at while improving, at most: nets of very many nodes are placed by the plain orders.
const MOST_PAIRS: usize = 20_000_000;

/// What buffers are sorted by; smaller comes first, equals stay in order.
type Key = (Reverse<usize>, usize);

/// Sets the offsets; returns the length of the arena in floats, or none if it overflows.
pub fn place(buffers: &mut [Buffer]) -> Option<usize> {
    let by_size = |buffer: &Buffer| (Reverse(buffer.floats), buffer.first);
    let by_lifetime = |buffer: &Buffer| (Reverse(buffer.last - buffer.first), buffer.first);
    let by_use = |buffer: &Buffer| (Reverse(0), buffer.first);
    let orders: [&dyn Fn(&Buffer) -> Key; 3] = [&by_size, &by_lifetime, &by_use];
    let rounds = MOST_ROUNDS.min(MOST_PAIRS / (buffers.len() * buffers.len()).max(1));
    let least = lower_bound(buffers);
    let mut best: Option<(usize, Vec<usize>)> = None;
    for key in orders {
        let mut order: Vec<usize> = (0..buffers.len()).collect();
        order.sort_by_key(|&index| key(&buffers[index]));
        for _ in 0..=rounds {
            if best.as_ref().is_some_and(|(smallest, _)| *smallest == least) {
                break;
            }
            let (floats, offsets) = place_in_order(buffers, &order)?;
            let highest = order.iter().position(|&index| offsets[index] + buffers[index].floats == floats);
            if best.as_ref().is_none_or(|(smallest, _)| floats < *smallest) {
                best = Some((floats, offsets));
            }
            if let Some(position) = highest {
                order[..=position].rotate_right(1);
            }
        }
    }
    let (floats, offsets) = best?;
    for (buffer, offset) in buffers.iter_mut().zip(offsets) {
        buffer.offset = offset;
    }
    Some(floats)
}

/// The first of the steps in which most floats are needed, and how many these are.
fn busiest(buffers: &[Buffer]) -> (usize, usize) {
    let steps = buffers.iter().map(|buffer| buffer.last + 1).max().unwrap_or(0);
    // How many more are needed in each step than in the one before, and how many fewer.
    let (mut more, mut fewer) = (vec![0_usize; steps + 1], vec![0_usize; steps + 1]);
    for buffer in buffers {
        for (first, last) in buffer.intervals() {
            more[first] += buffer.floats;
            fewer[last + 1] += buffer.floats;
        }
    }
    let (mut needed, mut most) = (0, (0, 0));
    for step in 0..steps {
        needed = needed + more[step] - fewer[step];
        if needed > most.1 {
            most = (step, needed);
        }
    }
    most
}

/// The step in which most floats are needed, the first of equals.
pub fn busiest_step(buffers: &[Buffer]) -> usize {
    busiest(buffers).0
}

/// Floats needed at the same time, at most: no arena can be smaller.
pub fn lower_bound(buffers: &[Buffer]) -> usize {
    busiest(buffers).1
}

fn place_in_order(buffers: &[Buffer], order: &[usize]) -> Option<(usize, Vec<usize>)> {
    let mut offsets = vec![0; buffers.len()];
    let mut arena = 0;
    // Those already placed, by address.
    let mut placed: Vec<usize> = Vec::with_capacity(buffers.len());
    for &index in order {
        let buffer = &buffers[index];
        let mut offset = 0_usize;
        for &other in &placed {
            if !buffers[other].meets(buffer) {
                continue;
            }
            if offset.checked_add(buffer.floats)? <= offsets[other] {
                break;
            }
            offset = offset.max(offsets[other] + buffers[other].floats);
        }
        offsets[index] = offset;
        arena = arena.max(offset.checked_add(buffer.floats)?);
        let position = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(position, index);
    }
    Some((arena, offsets))
}
