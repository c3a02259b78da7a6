import { useEffect, useState } from 'preact/hooks';
import { isRunning } from '../run/run.js';
import { FIRST_SETTINGS, OTHER_SETTINGS, toRequest } from '../run/settings.js';
import { useRun } from '../run/use-run.js';
import { Header } from './header.js';
import { Legend } from './legend.js';
import { Pane } from './pane.js';
import { PromptField } from './prompt-field.js';
import { Toolbar } from './toolbar.js';
import { isForWantOfKey, useService } from './use-service.js';
import { useSessionValue } from './use-session-value.js';

/** The whole page: a prompt, and one or two completions of it. */
export function Playground() {
  const [apiKey, setApiKey] = useSessionValue('linnet-api-key');
  const [prompt, setPrompt] = useState('Once upon a time');
  const [chosenModel, setModel] = useState('');
  const [isComparing, setComparing] = useState(false);
  const [isColored, setColored] = useState(true);
  const panes = [usePane('Completion', FIRST_SETTINGS), usePane('Second completion', OTHER_SETTINGS)];
  const shown = panes.slice(0, isComparing ? 2 : 1);
  const failures = shown.map(({ control }) => control.run.failure);
  const { models, info, needsKey } = useService(apiKey, failures.find(Boolean));
  const model = models?.find(({ id }) => id === chosenModel) ?? models?.[0];
  const id = model?.id ?? '';

  const write = () => {
    for (const { control, settings } of shown) {
      control.start({ request: toRequest(settings, { prompt, model: id }), prompt, kept: [], key: apiKey });
    }
  };
  const stop = () => {
    for (const { control } of panes) control.stop();
  };
  useEscape(stop);

  return (
    <>
      <Header
        {...{ models, info, apiKey }}
        model={id}
        onModel={setModel}
        onApiKey={setApiKey}
        needsKey={needsKey || failures.some(isForWantOfKey)}
      />
      <main class={`${isComparing ? 'comparing' : 'single'}${isColored ? ' colored' : ''}`}>
        <div class="ask">
          <PromptField prompt={prompt} onPrompt={setPrompt} onWrite={write} />
          <Toolbar
            {...{ isComparing, isColored }}
            isRunning={shown.some(({ control }) => isRunning(control.run))}
            onWrite={write}
            onStop={stop}
            onComparing={(comparing) => {
              if (!comparing) panes[1]?.control.stop();
              setComparing(comparing);
            }}
            onColored={setColored}
          />
          {isColored && <Legend />}
        </div>
        <div class="panes">
          {shown.map((pane, index) => (
            <Pane
              key={pane.title}
              id={`pane-${index}`}
              {...pane}
              {...{ prompt, apiKey }}
              model={id}
              contextLength={model?.context_length}
              grpcAddress={info?.grpc_address ?? `${location.hostname}:50051`}
            />
          ))}
        </div>
      </main>
    </>
  );
}

function usePane(title: string, first: typeof FIRST_SETTINGS) {
  const [settings, onSettings] = useState(first);
  return { title, settings, onSettings, control: useRun() };
}

function useEscape(stop: () => void) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => event.key === 'Escape' && stop();
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  });
}
