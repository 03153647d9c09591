-- Who wrote each text, which plan belongs to which run, and which model writes where none is named.

-- The provider without a model had another name, `composer`.
update quality.listings set provider = 'template', model = 'template' where provider = 'composer';
update content.edits set replaced_provider = 'template', replaced_model = 'template'
where replaced_provider = 'composer';
update evaluation.contest set kind = 'template', contender = 'template' where kind = 'composer';
update training.examples set example = replace(example::varchar, '"model_used":"facts"', '"model_used":"template"');
update training.dataset set example = replace(example::varchar, '"model_used":"facts"', '"model_used":"template"');

-- Made anew: DuckDB updates no table that the same transaction has altered.
-- The parser of version 2 reads only features with a bar and texts with control characters in another way.
create table content.texts as
select
    * replace (
        case when provider = 'composer' then 'template' else provider end as provider,
        case when provider = 'composer' then 'template' else model end as model,
        case
            when parser_version = '1' and not regexp_matches(
                concat_ws(' ', title, description, key_features::varchar, seo_keywords::varchar),
                '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]'
            ) and not contains(coalesce(key_features::varchar, ''), '|') then '2'
            else parser_version
        end as parser_version
    ),
    -- a model, `template`, or a reviewer
    case
        when status <> 'complete' then null
        when provider = 'composer' or fallback is not null then 'template'
        else model
    end as written_by,
    -- attempts that failed since the last text, and the time of the last one
    case when status = 'failed' then 1 else 0 end as failures,
    generated_at as attempted_at
from content.generated_content;
drop table content.generated_content;
alter table content.texts rename to generated_content;

-- A plan belongs to a run.
drop table content.generation_plan;
create table content.generation_plan (
    run_id varchar,
    product_id varchar,
    facts_hash varchar,
    reason varchar,
    provider varchar,
    model varchar,
    prompt_version varchar,
    revision integer
);

-- One row a plan: what carrying it out comes to at most.
drop table content.plan_estimates;
create table content.plan_estimates (
    run_id varchar,
    planned_at timestamptz,
    calls bigint,
    prompt_tokens bigint,
    completion_tokens bigint,
    cost_usd double,
    notice varchar              -- what a user should know about who writes
);

-- The model that `auto` stays with: the last row. Champions are in models.versions.
create table content.writers (
    provider varchar,
    model varchar,
    chosen_at timestamptz
);
insert into content.writers
select provider, split_part(model, '@', 1), now()
from content.generated_content
where provider = 'ollama' and model not ilike 'walmart-gpt%'
order by generated_at desc
limit 1;
