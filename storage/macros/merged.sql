-- Two JSON objects as one; what both name counts as the second has it. The second alone where both are too large (see can_merge).
create macro merged(target, patch) as case when can_merge(target, patch) then json_merge_patch(target, patch) else patch end;
