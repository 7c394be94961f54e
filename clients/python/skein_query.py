"""Runs one statement on a Skein cluster and prints its rows: all that a client needs, on generated stubs.

Stubs:  python -m grpc_tools.protoc -I proto -I proto/third_party --python_out=OUT --grpc_python_out=OUT \
            skein/v1/query.proto google/rpc/status.proto google/rpc/error_details.proto
Usage:  PYTHONPATH=OUT python skein_query.py HOST:PORT "SELECT 42 AS answer" [property=value ...]
"""
import sys
import time

import grpc
import pyarrow as pa
from google.rpc import error_details_pb2, status_pb2
from skein.v1 import query_pb2, query_pb2_grpc


class SkeinError(Exception):
    """What a query failed with: a code of Skein's, its message, and names and places of what is concerned."""

    def __init__(self, code, message, metadata):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.metadata = code, message, metadata


def skein_error(error):
    """The error that a failed call bears; the call's own where it never reached Skein."""
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        status, info = status_pb2.Status.FromString(value), error_details_pb2.ErrorInfo()
        for detail in status.details:
            if detail.Unpack(info) and info.domain == "skein":
                return SkeinError(info.reason, status.message, dict(info.metadata))
    return error


class ResultBytes:
    """The Arrow stream of a result as one readable file; goes on behind the last whole batch when a call breaks."""

    def __init__(self, stub, query_id, patience=5):
        self.stub, self.query_id, self.patience = stub, query_id, patience
        self.token, self.buffer, self.complete = b"", b"", False
        self.batches, self.closed = self._batches(), False

    def _responses(self):
        return self.stub.FetchResults(query_pb2.FetchResultsRequest(query_id=self.query_id, token=self.token))

    def _batches(self):
        failures = 0
        while not self.complete:
            pieces = b""
            try:
                for response in self._responses():
                    pieces += response.arrow_ipc
                    if response.token:
                        self.token, self.complete, failures = response.token, response.complete, 0
                        yield pieces
                        pieces = b""
            except grpc.RpcError as error:
                failures += 1
                if error.code() != grpc.StatusCode.UNAVAILABLE or failures > self.patience:
                    raise
                time.sleep(0.1 * failures)

    def read(self, size=-1):
        while size < 0 or len(self.buffer) < size:
            batch = next(self.batches, None)
            if batch is None:
                break
            self.buffer += batch
        size = len(self.buffer) if size < 0 else size
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def release(self):
        """Tells the cluster that all has arrived."""
        for _ in self._responses():
            pass


def row_stream(values):
    """One row as an Arrow stream: how a statement's parameters travel, by name or from "1" on."""
    row, sink = pa.RecordBatch.from_pylist([values]), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, row.schema) as writer:
        writer.write_batch(row)
    return sink.getvalue().to_pybytes()


def run(address, sql, properties, parameters=None):
    with grpc.insecure_channel(address) as channel:
        stub = query_pb2_grpc.QueryServiceStub(channel)
        request = query_pb2.SubmitQueryRequest(sql=sql, session_properties=properties)
        if parameters:
            request.parameters = row_stream(parameters)
        try:
            result = ResultBytes(stub, stub.SubmitQuery(request).query.query_id)
            table = pa.ipc.open_stream(pa.PythonFile(result, mode="r")).read_all()
            result.release()
        except grpc.RpcError as error:
            raise skein_error(error) from error
        return table


if __name__ == "__main__":
    try:
        print(run(sys.argv[1], sys.argv[2], dict(p.split("=", 1) for p in sys.argv[3:])).to_pylist())
    except SkeinError as error:
        sys.exit(str(error))
