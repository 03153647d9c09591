"""Training examples for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, datetime

from walmart_pipeline.core.records import ExampleInput, ExampleMetadata, ExampleOutput, TrainingExample


def example(
    name: str = "Steel Kettle 1.7 L",
    *,
    category: str = "Kitchen",
    quality: float = 95,
    description: str = "Boils water.",
    preferences: dict[str, str] | None = None,
    stars: float | None = None,
) -> TrainingExample:
    return TrainingExample(
        timestamp=datetime(2026, 1, 2, tzinfo=UTC),
        input=ExampleInput(
            product_name=name, features=["1.7 L", "steel"], category=category, user_preferences=preferences or {}
        ),
        output=ExampleOutput(
            title=f"{name}, Stainless",
            features_formatted="Holds 1.7 L\nStainless steel",
            description=description,
            seo_keywords=["kettle"],
        ),
        metadata=ExampleMetadata(model_used="template", generation_time=0.1, quality_score=quality, user_rating=stars),
    )
