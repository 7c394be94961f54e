"""Runs one statement on a Skein cluster and prints its rows: all that a client needs, on generated stubs.

Stubs:  python -m grpc_tools.protoc -I proto --python_out=OUT --grpc_python_out=OUT proto/skein/v1/query.proto
Usage:  PYTHONPATH=OUT python skein_query.py HOST:PORT "SELECT 42 AS answer" [property=value ...]
"""
import sys
import time

import grpc
import pyarrow as pa
from skein.v1 import query_pb2, query_pb2_grpc


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
        result = ResultBytes(stub, stub.SubmitQuery(request).query.query_id)
        table = pa.ipc.open_stream(pa.PythonFile(result, mode="r")).read_all()
        result.release()
        return table


if __name__ == "__main__":
    print(run(sys.argv[1], sys.argv[2], dict(p.split("=", 1) for p in sys.argv[3:])).to_pylist())
