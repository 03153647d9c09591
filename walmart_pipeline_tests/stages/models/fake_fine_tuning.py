"""An OpenAI on loopback that fine-tunes: files to learn from, and jobs that end as a test decides."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from walmart_pipeline_tests.llm.fake_openai import FakeOpenAI


class FakeFineTuning(FakeOpenAI):
    """What was uploaded, by name, and the jobs, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.uploads: list[tuple[str, bytes]] = []
        self.jobs: list[dict[str, Any]] = []
        self.handlers |= {
            "GET /v1/files": self.listed_files,
            "GET /v1/fine_tuning/jobs": self.listed_jobs,
            "POST /v1/fine_tuning/jobs": self.create_job,
        }

    async def upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        assert form["purpose"] == "fine-tune"
        file = form["file"]
        assert isinstance(file, web.FileField)
        self.uploads.append((file.filename, file.file.read()))
        return web.json_response(self._file(len(self.uploads) - 1))

    async def listed_files(self, request: web.Request) -> web.StreamResponse:
        assert request.query["purpose"] == "fine-tune"
        return self._page(request, [self._file(number) for number in range(len(self.uploads))])

    async def create_job(self, request: web.Request) -> web.StreamResponse:
        number = len(self.jobs)
        job = await request.json() | {
            "id": f"ftjob-{number}",
            "object": "fine_tuning.job",
            "created_at": number,
            "status": "validating_files",
            "hyperparameters": {},
            "organization_id": "org",
            "result_files": [],
            "seed": 1,
            "error": None,
            "fine_tuned_model": None,
            "trained_tokens": None,
        }
        self.jobs.append(job)

        async def retrieve(request: web.Request) -> web.StreamResponse:
            return web.json_response(job)

        self.handlers[f"GET /v1/fine_tuning/jobs/ftjob-{number}"] = retrieve
        return web.json_response(job)

    async def listed_jobs(self, request: web.Request) -> web.StreamResponse:
        return self._page(request, self.jobs)

    def finish(self, number: int = -1, status: str = "succeeded", **fields: Any) -> None:
        """End a job."""
        job = self.jobs[number]
        job |= {"status": status} | fields
        if status == "succeeded":
            made = {"fine_tuned_model": f"ft:{job['model']}:acme:{job['suffix']}:{job['id']}", "trained_tokens": 50_000}
            self.jobs[number] |= made | fields

    def _file(self, number: int) -> dict[str, Any]:
        name, content = self.uploads[number]
        fields = {"id": f"file-{number}", "object": "file", "bytes": len(content), "created_at": number}
        return fields | {"filename": name, "purpose": "fine-tune", "status": "processed"}

    def _page(self, request: web.Request, oldest_first: list[dict[str, Any]]) -> web.StreamResponse:
        """Newest first, two to a page."""
        items = oldest_first[::-1]
        ids = [item["id"] for item in items]
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        more = len(items) > start + 2
        return web.json_response({"object": "list", "data": items[start : start + 2], "has_more": more})
