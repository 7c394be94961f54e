"""Runs one statement on a Skein cluster and prints its rows: all that a client needs, on generated stubs.

Stubs:  python -m grpc_tools.protoc -I proto --python_out=OUT --grpc_python_out=OUT proto/skein/v1/query.proto
Usage:  PYTHONPATH=OUT python skein_query.py HOST:PORT "SELECT 42 AS answer" [property=value ...]
"""
import sys

import grpc
import pyarrow as pa
from skein.v1 import query_pb2, query_pb2_grpc


class ResultBytes:
    """The chunks of FetchResults as one readable file, resumed by token when the connection breaks."""

    def __init__(self, stub, query_id):
        self.stub, self.query_id, self.token = stub, query_id, b""
        self.buffer, self.complete, self.closed = b"", False, False
        self.stream = self._fetch()

    def _fetch(self):
        return self.stub.FetchResults(query_pb2.FetchResultsRequest(query_id=self.query_id, token=self.token))

    def read(self, size=-1):
        while not self.complete and (size < 0 or len(self.buffer) < size):
            response = next(self.stream)
            self.buffer += response.arrow_ipc
            self.token = response.token or self.token
            self.complete = response.complete
        size = len(self.buffer) if size < 0 else size
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def release(self):
        for _ in self._fetch():
            pass


def run(address, sql, properties):
    with grpc.insecure_channel(address) as channel:
        stub = query_pb2_grpc.QueryServiceStub(channel)
        request = query_pb2.SubmitQueryRequest(sql=sql, session_properties=properties)
        result = ResultBytes(stub, stub.SubmitQuery(request).query.query_id)
        table = pa.ipc.open_stream(pa.PythonFile(result, mode="r")).read_all()
        result.release()
        return table


if __name__ == "__main__":
    print(run(sys.argv[1], sys.argv[2], dict(p.split("=", 1) for p in sys.argv[3:])).to_pylist())
