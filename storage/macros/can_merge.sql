-- Whether two JSON objects may be merged: json_merge_patch takes a time of the one's members times the other's, both what senders sent.
create macro can_merge(target, patch) as strlen(target) * strlen(patch) <= 268435456;
