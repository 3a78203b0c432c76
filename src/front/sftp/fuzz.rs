//! The state machine of a channel for the fuzz target: decoder, handles, desk and answers over a session's tree.

use std::sync::Arc;

use bytes::Bytes;

use super::codec::{MAX_PACKET, VERSION};
use super::desk::Desk;
use super::dialog::Dialog;
use super::handles::{Budget, Handles, Purse};
use super::outbox::Outbox;
use super::writer::{self, OpenFile};
use crate::front::Bounds;
use crate::vfs::View;

const INIT: u8 = 1;
const HANDLE: u8 = 102;

/// A client's byte stream on a channel of its own. Whatever comes, each packet that has a number gets one answer, under that
/// number and in its turn, and with the channel its handles are gone. Since handles are random, `handle number 00` stands for the
/// first that was had, and so on. Gives how many were had.
pub async fn fuzz_channel(view: View, bounds: &Arc<Bounds>, input: &[u8]) -> usize {
    let limits = bounds.now();
    let budget = Arc::new(Budget::new(limits.handles));
    let outbox = Arc::new(Outbox::new(limits.queued_bytes));
    let handles = Handles::new(Purse::new(budget.clone(), bounds.clone(), view.session().account()));
    let mut dialog = Dialog::new(Desk { view, handles, outbox: outbox.clone(), longest: limits.upload_bytes });
    let (mut rest, mut asked) = (input.to_vec(), Vec::new());
    let (mut had, mut answered) = (0, Vec::new());
    while !rest.is_empty() {
        let next = rest.split_off(packet_length(&rest).min(rest.len()));
        let packet = std::mem::replace(&mut rest, next);
        asked.extend_from_slice(&packet);
        let (start, end) = packet.split_at(packet.len().min(7));
        let mut taken = dialog.take(Bytes::copy_from_slice(start)).await;
        if taken.is_ok() && !end.is_empty() {
            taken = dialog.take(Bytes::copy_from_slice(end)).await;
        }
        for answer in answers(&outbox).await {
            let number = answer.get(1..5).and_then(|word| word.first_chunk()).copied().map(u32::from_be_bytes);
            answered.push(number.unwrap_or_default());
            if answer[0] == HANDLE {
                put_in(&mut rest, &format!("handle number {had:02}"), &answer[9..]);
                had += 1;
            }
        }
        if taken.is_err() {
            break;
        }
    }
    drop(dialog);
    assert_eq!(budget.open(), 0, "with the channel its handles are gone");
    assert_eq!(answered, numbers(&asked), "each request is answered once, in its turn");
    had
}

/// A packet with its length word, if the word can be believed.
fn packet_length(bytes: &[u8]) -> usize {
    let word = bytes.first_chunk().map_or(0, |word| u32::from_be_bytes(*word) as usize);
    if word <= MAX_PACKET { 4 + word } else { bytes.len() }
}

/// All that waits, without the length words.
async fn answers(outbox: &Outbox<OpenFile>) -> Vec<Bytes> {
    let mut packets = Vec::new();
    loop {
        let mut bytes = writer::fill(outbox).await;
        if bytes.is_empty() {
            return packets;
        }
        while !bytes.is_empty() {
            let length = packet_length(&bytes);
            let mut packet = bytes.split_to(length);
            packets.push(packet.split_off(4));
        }
    }
}

fn put_in(bytes: &mut [u8], placeholder: &str, handle: &[u8]) {
    let places = bytes.len().saturating_sub(placeholder.len() - 1);
    for at in 0..places {
        if bytes[at..].starts_with(placeholder.as_bytes()) {
            bytes[at..at + handle.len()].copy_from_slice(handle);
        }
    }
}

/// The numbers under which a client that sends these bytes is answered, found without the decoder.
fn numbers(mut bytes: &[u8]) -> Vec<u32> {
    let (mut numbers, mut initialised) = (Vec::new(), false);
    while let Some((word, rest)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes(*word) as usize;
        if length == 0 || length > MAX_PACKET {
            numbers.push(0);
            return numbers;
        }
        let Some((packet, rest)) = rest.split_at_checked(length) else { return numbers };
        bytes = rest;
        let number = packet.get(1..5).and_then(|word| word.first_chunk()).copied().map(u32::from_be_bytes);
        match (number, packet[0] == INIT) {
            // VERSION has its own where others repeat the request's.
            (Some(_), true) if !initialised => {
                numbers.push(VERSION);
                initialised = true;
            }
            (Some(number), false) => {
                numbers.push(number);
                if !initialised {
                    return numbers;
                }
            }
            (None, _) | (Some(_), true) => {
                numbers.push(0);
                return numbers;
            }
        }
    }
    numbers
}
