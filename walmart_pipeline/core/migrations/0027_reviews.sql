-- What people decided in the Studio, taken over from its own store, each decision once.

create table quality.reviews (
    number bigint,              -- order in which they were taken over; a later one replaces an earlier one
    decision_id varchar,
    product_id varchar,
    content_hash varchar,       -- of the text that was decided on; null: the product had none
    facts_hash varchar,         -- of the record beside which it was read
    action varchar,             -- accept | edit | reject | rate | undo
    author varchar,
    decided_at timestamptz,
    reason varchar,
    stars integer,
    listing json,               -- the edited text
    user_preferences json,      -- by which a model wrote the text that was edited
    undoes varchar,             -- the decision that is undone
    problem varchar,            -- why it had no effect
    taken_at timestamptz
);

-- The verdict on a text: the latest one that was not undone.
create view quality.verdicts as
select product_id, content_hash, facts_hash, action, author, decided_at, reason
from quality.reviews
where action in ('accept', 'reject')
    and decision_id not in (select undoes from quality.reviews where undoes is not null)
qualify row_number() over (partition by product_id, content_hash order by number desc) = 1;

-- Texts that may be published: by the judge, or by a reviewer. A reviewer who read a text beside its record overrules
-- the judge on what is true and what is good; nobody overrules a rule by which Walmart refuses the item.
create view quality.publishable as
select
    scores.product_id,
    scores.content_hash,
    scores.facts_hash,
    if(scores.publishable, null, verdicts.author) as accepted_by
from quality.scores
left join quality.verdicts using (product_id, content_hash)
where verdicts.action is distinct from 'reject'
    and (
        scores.publishable
        or (
            verdicts.action = 'accept'
            and verdicts.facts_hash = scores.facts_hash
            and len([v for v in violations if v.severity = 'blocking' and v.rule not like 'grounding.%']) = 0
        )
    );

-- The text that an edit replaced, as it was: what an undo brings back. Columns of content.generated_content.
create table content.replaced_texts as
select ''::varchar as decision_id, * from content.generated_content limit 0;
