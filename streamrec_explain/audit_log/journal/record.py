"""One journal record: an audit request and its answer as checksummed, compressed bytes."""

import zlib

import msgspec
import pyarrow as pa

from streamrec_explain.errors import CorruptRecordError, JournalError
from streamrec_explain.records import AuditRequest

_LARGEST_POSITION = 32_767
_END_OF_TIME_MS = 253_402_214_400_000  # 9999-12-31, the last day that a date can hold


class _Body(msgspec.Struct, frozen=True, array_like=True):
    request: AuditRequest
    answer: bytes


class StoredRecord(msgspec.Struct, frozen=True):
    """A record as it lies in the journal; `checksum` is the CRC-32 of the request id and the body."""

    request_id: str
    user_id_hash: str
    body: bytes
    checksum: int

    @property
    def request(self) -> AuditRequest:
        """The audit request; CorruptRecordError if the bytes are not those that were written."""
        return self._content().request

    @property
    def answer(self) -> bytes:
        """The answer as it left; CorruptRecordError if the bytes are not those that were written."""
        return self._content().answer

    def _content(self) -> _Body:
        if _checksum(self.request_id, self.body) != self.checksum:
            raise CorruptRecordError(f"the journal record of request {self.request_id!r} fails its checksum")
        size = int.from_bytes(self.body[:4], "little")
        try:
            return _DECODER.decode(_CODEC.decompress(self.body[4:], size, asbytes=True))
        except (msgspec.MsgspecError, OSError) as error:
            raise CorruptRecordError(
                f"the journal record of request {self.request_id!r} cannot be read: {error}"
            ) from error


_CODEC = pa.Codec("zstd", compression_level=1)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Body)


def stored_record(request: AuditRequest, answer: bytes) -> StoredRecord:
    """Encode a request and its answer; JournalError if the audit table could not hold the request.

    What is refused here can never block the shipper later.
    """
    _check(request)
    content = _ENCODER.encode(_Body(request, answer))
    body = len(content).to_bytes(4, "little") + _CODEC.compress(content, asbytes=True)
    return StoredRecord(request.request_id, request.user_id_hash, body, _checksum(request.request_id, body))


def _checksum(request_id: str, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(request_id.encode()))


def _check(request: AuditRequest) -> None:
    positions = [entry.position for entry in request.entries]
    if not request.request_id or not request.region:
        raise JournalError("an audit request needs a request id and a region, not empty ones")
    if not positions or len(set(positions)) != len(positions):
        raise JournalError(f"request {request.request_id!r} needs entries at distinct positions: {positions}")
    if not 0 <= min(positions) <= max(positions) <= _LARGEST_POSITION:
        raise JournalError(f"request {request.request_id!r} has a position outside 0..{_LARGEST_POSITION}")
    if not 0 <= request.timestamp_ms < _END_OF_TIME_MS:
        raise JournalError(f"request {request.request_id!r} has no calendar day: {request.timestamp_ms} ms")
